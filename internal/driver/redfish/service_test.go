package redfish_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/redfish/service"
)

// The driver at our own service, which follows the schemas to the letter.
func TestDriverAtOurService(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{Abreast: true, New: func(t *testing.T) drivertest.Rig {
		b := service.NewMemory("admin", password)
		s := redfish.New().New().(*redfish.Settings)
		s.Systems, s.Rest, s.Timeout, s.TLS.Insecure = make(map[string]string), time.Millisecond, 10*time.Second, true
		var plugs []string
		warm := 21.5
		for _, p := range []string{"p1", "p2", "p3", "p4"} {
			b.Add(service.Machine{
				ID: "node " + p, Power: service.PowerOff, Indicator: service.Dark, Log: true,
				Resets: []service.ResetType{service.ResetOn, service.ForceOff, service.GracefulShutdown, service.ForceRestart, service.Nmi},
			}, service.Reading{Name: "Inlet", Kind: service.Temperature, Value: &warm})
			plugs = append(plugs, p)
			s.Systems[p] = "node " + p
		}
		var mu sync.Mutex
		moves := make(map[string]int)
		b.Changed = func(id string, _ service.PowerState) {
			mu.Lock()
			defer mu.Unlock()
			moves[id]++
		}
		svc := service.New(service.Options{Backend: b, UUID: "58893887-8974-2487-2389-841168418919"})
		server := httptest.NewTLSServer(svc)
		t.Cleanup(func() {
			server.CloseClientConnections()
			svc.Close()
			server.Close()
		})
		s.Address = server.URL
		is := func(p string) service.Machine {
			m, err := b.Machine(t.Context(), service.User{}, s.Systems[p])
			if err != nil {
				t.Error(err)
			}
			return m
		}
		return drivertest.Rig{
			Settings: s, Plugs: plugs,
			Credential: secret.Resolved{User: "admin", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
			Truth: drivertest.Truth{
				On: func(p string) bool { return is(p).Power == service.PowerOn },
				Set: func(p string, on bool) {
					how := service.ForceOff
					if on {
						how = service.ResetOn
					}
					if on != (is(p).Power == service.PowerOn) {
						if err := b.Reset(t.Context(), service.User{}, s.Systems[p], how); err != nil {
							t.Error(err)
						}
					}
				},
				Moves: func(p string) int {
					mu.Lock()
					defer mu.Unlock()
					return moves[s.Systems[p]]
				},
			},
			Faults: drivertest.Faults{
				Refuse: func() {
					server.CloseClientConnections()
					server.Listener.Close()
				},
				BadPassword: func() {
					b.SetUser(service.Account{Name: "admin", Role: service.Administrator, Enabled: true}, "another")
				},
			},
		}
	}})
}

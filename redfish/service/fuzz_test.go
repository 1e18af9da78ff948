package service_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish/service"
)

// FuzzRequest sends anything to every kind of resource: nothing panics, every answer
// is JSON of a bounded size with a status that means something.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, path, body string }{
		{"GET", root + "/Systems?$expand=*($levels=3)&$select=Name,Boot/BootSourceOverrideTarget", ""},
		{"GET", root + "/Systems?$top=1&$skip=1", ""},
		{"GET", root + "/Chassis/m1/Sensors/Inlet?only", ""},
		{"PATCH", m1, `{"Boot":{"BootSourceOverrideTarget":"Pxe"},"IndicatorLED":"Lit","x":[{}]}`},
		{"POST", resetM1, `{"ResetType":"On"}`},
		{"POST", cd + "/Actions/VirtualMedia.InsertMedia", `{"Image":"nfs://x/y","WriteProtected":null}`},
		{"PATCH", cd, `{"Image":null}`},
		{"POST", sessions, `{"UserName":"root","Password":"secret"}`},
		{"POST", accounts, `{"UserName":"\u0000","Password":{},"RoleId":[]}`},
		{"PATCH", accounts + "/op", `{"Enabled":0,"RoleId":"Operator"}`},
		{"POST", subscriptions, `{"Destination":"https://127.0.0.1","Protocol":"Redfish","HttpHeaders":[{"a":1},2],"OriginResources":[1]}`},
		{"POST", root + "/EventService/Actions/EventService.SubmitTestEvent", `{"Message":"%1 %2"}`},
		{"GET", root + "/EventService/SSE?$filter=(EventType%20eq%20'Alert'%20or%20MessageId%20eq%20'x')%20and%20OriginResource%20eq%20'/redfish/v1'", ""},
		{"HEAD", root + "/EventService/SSE?$filter=((", ""},
		{"DELETE", sessions + "/x", ""},
		{"OPTIONS", "/redfish/v1/%2e%2e/%00", ""},
	} {
		f.Add(seed.method, seed.path, seed.body)
	}
	b := service.NewMemory("root", "secret")
	b.SetUser(service.Account{Name: "op", Role: service.Operator, Enabled: true}, "secret")
	s := service.New(service.Options{Backend: b, PlainLoopback: true, OwnThrottle: true})
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		b.SetUser(service.Account{Name: "root", Role: service.Administrator, Enabled: true}, "secret")
		b.Add(aMachine("m1"), someReadings()...)
		u, err := url.ParseRequestURI(path)
		if err != nil || method == "" || strings.ContainsAny(method, " \r\n\t") {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // which ends streams
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", strings.NewReader(body))
		r.Method, r.URL, r.RequestURI, r.RemoteAddr = method, u, path, "127.0.0.1:1"
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth("root", "secret")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code == http.StatusInternalServerError || w.Code > 504 {
			t.Fatalf("%s %s %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Body.Len() > 2<<20 {
			t.Fatalf("%s %s: %d bytes", method, path, w.Body.Len())
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s: no JSON: %s", method, path, w.Body)
		}
	})
}

package service_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"millwright.dev/millwright/redfish/service"
)

// A virtual BMC for one machine that exists in memory only.
func Example() {
	machines := service.NewMemory("admin", "secret")
	machines.Add(service.Machine{
		ID: "1", Name: "web1", Power: service.PowerOff,
		Resets: []service.ResetType{service.ResetOn, service.ForceOff},
		Boot:   &service.BootAbility{Sources: []service.BootSource{service.BootPxe, service.BootHdd}},
	})
	machines.Changed = func(id string, to service.PowerState) { fmt.Println(id, "is", to) }
	bmc := service.New(service.Options{Backend: machines})
	defer bmc.Close()
	server := httptest.NewTLSServer(bmc)
	defer server.Close()

	ask := func(method, path, body string) string {
		req, err := http.NewRequestWithContext(context.Background(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			return err.Error()
		}
		req.SetBasicAuth("admin", "secret")
		req.Header.Set("Content-Type", "application/json")
		resp, err := server.Client().Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return strings.TrimSpace(resp.Status + " " + string(text))
	}
	fmt.Println(ask("POST", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", `{"ResetType":"On"}`))
	fmt.Println(ask("GET", "/redfish/v1/Systems/1?$select=PowerState", ""))
	// Output:
	// 1 is On
	// 204 No Content
	// 200 OK {"@odata.etag":"\"00e3e95382617d756ff7dd66\"","@odata.id":"/redfish/v1/Systems/1","@odata.type":"#ComputerSystem.v1_27_0.ComputerSystem","PowerState":"On"}
}

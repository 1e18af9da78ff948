package redfish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Whatever is a document can be read by any accessor, and written again.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		`{"a":{"b":[1,"2",true,null,{"@odata.id":"/x"}]},"n":"1e400","@odata.type":"#A.v1.A"}`, `[]`, `"x"`, `7`, `null`, ``, "\xef\xbb\xbf{}\x00", `{"a":{"href":"/y"},"t":"2026-01-01T00:00:00+0100"}`,
		strings.Repeat("[", 200), `{"Members":{"@odata.id":"/x"}}`, `{"a":"\"[[[["}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument(text)
		if err != nil {
			if !errors.Is(err, ErrNotJSON) {
				t.Fatal(err)
			}
			return
		}
		for _, path := range [][]string{nil, {"a"}, {"a", "b", "0"}, {"n"}, {"t"}, {""}} {
			at := d.At(path...)
			_, isInt := at.Int()
			_, isFloat := at.Float()
			if isInt && !isFloat {
				t.Error("an int that is no number")
			}
			_, _ = at.Bool()
			_, _, _, _ = at.Time(), at.List(), at.Strings(), at.Links()
			_, _, _, _ = at.Link(), at.Keys(), at.Type(), at.Has("x")
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if d2, err := ParseDocument(again); err != nil || d2.Has() != d.Has() {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

// What a service says of a failure is bounded, and of a kind.
func FuzzError(f *testing.F) {
	for _, text := range []string{
		`{"error":{"code":"c","message":"m","@Message.ExtendedInfo":[{"MessageId":"Base.1.0.X","Message":"t","MessageArgs":[1],"RelatedProperties":["/a"]}]}}`,
		`{"@Message.ExtendedInfo":"x"}`, `{"a@Message.ExtendedInfo":[[]]}`, `{"error":[]}`, `{"error":{"@Message.ExtendedInfo":[7,null,{}]}}`, `<html>`, ``,
	} {
		f.Add(400, []byte(text))
	}
	c := &Client{opts: Options{Password: "hush-hush-hush"}}
	c.hide("token-token-token")
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := &answer{status: status, header: http.Header{"Retry-After": {string(body)}}, body: body}
		a.doc, a.odd = ParseDocument(body)
		e := c.failure(ask{method: "GET", path: "/x"}, a)
		if e.Kind < Denied || e.Kind > Broken || len(e.Messages) > maxMessages || e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Errorf("%+v", e)
		}
		if s := e.Error(); strings.ContainsAny(s, "\r\n") || strings.Contains(s, "hush-hush-hush") || strings.Contains(s, "token-token-token") {
			t.Errorf("%q", s)
		}
	})
}

// A stream of events ends, is bounded, and is the same however it is cut.
func FuzzSSE(f *testing.F) {
	for _, text := range []string{"data: x\n\n", "id: 1\ndata: a\ndata: b\n\n", ":\r\nid:2\r\ndata:{}\r\n\r\n", "data\n\n\n", "id: a\x00b\ndata: x\n\n", "data: unended", "retry: 5\nevent: e\ndata: {\"Events\":[{}]}\n\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read := func(in io.Reader) string {
			var told strings.Builder
			err := readStream(in, func(id string, data []byte) error {
				told.WriteString(id + "\x01" + string(data) + "\x02")
				_, _ = ParseEvents(data)
				return nil
			})
			if err == nil {
				t.Error("a stream that ends gives no error")
			}
			return told.String()
		}
		if whole, pieces := read(bytes.NewReader(text)), read(&trickle{text}); whole != pieces {
			t.Errorf("%q, and in pieces %q", whole, pieces)
		}
	})
}

// trickle reads byte by byte.
type trickle struct{ text []byte }

func (r *trickle) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:1], r.text)
	r.text = r.text[n:]
	return n, nil
}

// No reference has a request go to another host than the one that was dialled.
func FuzzResolve(f *testing.F) {
	for _, ref := range []string{"/redfish/v1/Systems/1", "Systems", "//evil/x", "https://evil/x", "https://bmc:443/x#y", "/\\evil", "/%2e%2e//evil", "https://bmc@evil/", "http://bmc/x", "?x", "/a?$expand=.", "..", "https:evil", "/../../x", "http://[::1"} {
		f.Add(ref)
	}
	c := &Client{base: url.URL{Scheme: "https", Host: "bmc"}}
	f.Fuzz(func(t *testing.T, ref string) {
		u, err := c.resolve(ref)
		if err != nil {
			return
		}
		if u.Scheme != "https" || u.Host != "bmc" || u.User != nil || !strings.HasPrefix(u.Path, "/") {
			t.Errorf("%q leads to %s", ref, u)
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != "bmc" {
			t.Errorf("%q leads to %s", ref, u)
		}
	})
}

// hostile is a service that says the same to everything.
type hostile struct{ text []byte }

func (h hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if strings.Contains(r.URL.Path, "/Sessions") {
		w.Header().Set("X-Auth-Token", "t")
	}
	_, _ = w.Write(h.text)
	return w.Result(), nil
}

// Nothing that a service says makes any feature panic or go on without end.
func FuzzMachine(f *testing.F) {
	for _, text := range []string{
		`{"@odata.id":"/redfish/v1/Systems/1","Members":[{"@odata.id":"/redfish/v1/1"}],"Systems":{"@odata.id":"/x"},"Chassis":{"@odata.id":"/x"},"Managers":{"@odata.id":"/x"},"Links":{"Chassis":[{"@odata.id":"/1"}],"Contains":[{"@odata.id":"/2"}],"ManagedBy":[{"@odata.id":"/3"}]},"Sensors":{"@odata.id":"/s"},"Power":{"@odata.id":"/p"},"LogServices":{"@odata.id":"/l"},"Entries":{"@odata.id":"/e"}}`,
		`{"Members":[{"@odata.id":"/redfish/v1/1","Id":"1","Reading":"x","Status":{"Health":7}}],"Boot":{"BootSourceOverrideTarget":[]},"Bios":{"@odata.id":"/b"},"Attributes":{"a":null,"b":{}},"RegistryEntries":{"Dependencies":[{"Dependency":{"MapFrom":[{}],"MapToAttribute":"a"}}],"Attributes":[{"AttributeName":"a","Value":[{}]}]},"AttributeRegistry":"R","Registries":{"@odata.id":"/r"},"Registry":"R","Location":[{"Uri":"/f"}],"Systems":{"@odata.id":"/x"}}`,
		`{"Systems":"/x","Members":[[]],"Actions":[{"#ComputerSystem.Reset":{"target":{}}}],"IPv4Addresses":[{"Address":"1.2.3.4","SubnetMask":"x"}],"EthernetInterfaces":{"@odata.id":"/x"}}`,
		`{"Systems":{"@odata.id":"/x"},"Members":[{"@odata.id":"/m"}],"Members@odata.nextLink":"/more"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		watchdog := time.AfterFunc(30*time.Second, func() { panic("it goes on without end") })
		defer watchdog.Stop()
		opts := Options{Workers: 2, Timeout: time.Second, CacheTTL: time.Minute, MaxBody: 1 << 20}
		c := &Client{opts: opts, base: url.URL{Scheme: "https", Host: "192.0.2.7"}, http: &http.Client{Transport: hostile{text}}, long: &http.Client{}, pace: newPace(0)}
		c.login.turn, c.cache.entries = make(chan struct{}, 1), make(map[string]*entry)
		c.hide("")
		c.root, _ = ParseDocument(text)
		_, _ = c.System(ctx, "1")
		s := &System{Path: "/redfish/v1/Systems/1", client: c}
		_ = s.Power(ctx, PowerBoot)
		_, _ = s.SetBoot(ctx, Boot{Target: "Pxe", Mode: "UEFI"})
		_, _ = s.Light(ctx)
		_, _, _ = s.Health(ctx, true)
		_, _ = s.Sensors(ctx)
		_, _ = s.Entries(ctx)
		_, _ = s.Inventory(ctx)
		_, _ = s.Location(ctx)
		_, _ = s.Media(ctx)
		if b, err := s.BIOS(ctx); err == nil {
			_ = b.Set(ctx, Change{"*", "1"})
		}
		m := &Manager{Path: "/redfish/v1/Managers/1", client: c}
		if n, err := m.Network(ctx); err == nil {
			_ = m.SetStatic(ctx, n, netip.MustParsePrefix("192.0.2.1/24"), netip.Addr{})
		}
		_, _ = c.Users(ctx)
		_, _ = c.Firmware(ctx)
		_, _ = c.Licenses(ctx)
		_ = c.Close()
	})
}

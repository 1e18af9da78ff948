package amt

import "testing"

// Whatever an AMT answers, reading it ends, and what is no envelope is none.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`<a:Envelope xmlns:a="x"><a:Body><g:PowerState>2</g:PowerState></a:Body></a:Envelope>`))
	f.Add([]byte(`<Envelope><Body><Fault><Reason><Text>no</Text></Reason></Fault></Body></Envelope>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Envelope>&b;</Envelope>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, ok := read(body)
		if len(d.names) != len(d.texts) || len(d.names) > maxElements || ok && d.names[0] != "Envelope" {
			t.Errorf("%q became %v", body, d.names)
		}
		_ = d.fault()
		_, _ = d.wsmanPower()
		_, _ = d.soapPower()
	})
}

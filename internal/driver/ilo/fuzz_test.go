package ilo

import "testing"

// Whatever an iLO answers, reading it ends, and only what says that all is well is
// believed.
func FuzzRead(f *testing.F) {
	f.Add([]byte("<?xml version=\"1.0\"?><RIBCL VERSION=\"2.0\"><RESPONSE STATUS=\"0x0000\" MESSAGE='No error'/></RIBCL>"))
	f.Add([]byte("<RIBCL><RESPONSE STATUS=\"0x0001\" MSG=\"no\"/></RIBCL><RIBCL><GET_HOST_POWER HOST_POWER=\"ON\"/></RIBCL>"))
	f.Add([]byte("<?xml version=\"1.0\" encoding=\"latin1\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		list, err := read(answer)
		if err == nil && len(answer) < len("<RESPONSE STATUS=0/>") {
			t.Errorf("%q is believed: %v", answer, list)
		}
		if len(list) > maxElements {
			t.Errorf("%d elements", len(list))
		}
	})
}

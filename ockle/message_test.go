package ockle_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"millwright.dev/millwright/ockle"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

// The sizes are those of the original's own messages.
func TestEncodingIsTheOriginals(t *testing.T) {
	for _, c := range []struct {
		m    ockle.Message
		size int
		want string
	}{
		{
			ockle.Message{Class: ockle.ServerError, Name: "Unknown Command"},
			149,
			`<MessageType name="MessageServerError"><MessageAttr Error="Unknown Command"><data/></MessageAttr></MessageType>`,
		},
		{
			ockle.Message{Class: ockle.ServerSend, Name: "ServerView"},
			143,
			`<MessageType name="MessageServerSend"><MessageAttr Reply="ServerView"><data/></MessageAttr></MessageType>`,
		},
		{
			ockle.Message{Class: ockle.ClientSend, Name: "ServerView", Values: ockle.Values{{"server", "web"}}},
			0,
			`<MessageType name="MessageClientSend"><MessageAttr Command="ServerView"><data><server>web</server></data></MessageAttr></MessageType>`,
		},
		{
			ockle.Message{Class: ockle.ServerSend, Name: "x", Values: ockle.Values{{"Dot", "a -> \"b\" & 'c' <\r\n\x01é\xff"}, {"e", ""}}},
			0,
			`<MessageType name="MessageServerSend"><MessageAttr Reply="x"><data><Dot>a -&gt; &quot;b&quot; &amp; 'c' &lt;&#13;` + "\n" +
				"\ufffdé\ufffd" + `</Dot><e></e></data></MessageAttr></MessageType>`,
		},
		{
			ockle.Message{Class: ockle.ServerError, Name: "a\n\"b\""},
			0,
			`<MessageType name="MessageServerError"><MessageAttr Error="a&#10;&quot;b&quot;"><data/></MessageAttr></MessageType>`,
		},
	} {
		got := string(c.m.Encode())
		if got != declaration+c.want {
			t.Errorf("%+v is\n%s, not\n%s", c.m, got, declaration+c.want)
		}
		if c.size != 0 && len(got) != c.size {
			t.Errorf("%s has %d bytes, not %d", got, len(got), c.size)
		}
	}
}

func TestKeysThatAreNoNames(t *testing.T) {
	for _, key := range []string{"a b", "1", "a:b", "<x>", "", "_x0041_", "_x_", "_x", "é", "日本", "😀", "-", "x.y-z_", "a/b\x01"} {
		m := ockle.Message{Class: ockle.ServerSend, Name: "x", Values: ockle.Values{{key, "text"}}}
		got, err := ockle.Decode(m.Encode())
		if err != nil || len(got.Values) != 1 || got.Values[0].Key != key {
			t.Errorf("key %q came back as %q, %v (%s)", key, got.Values, err, m.Encode())
		}
	}
}

func TestDecodingIsLenient(t *testing.T) {
	want := ockle.Message{Class: ockle.ClientSend, Name: "setServer", Values: ockle.Values{{"server", "wéb <1>\n"}, {"state", ""}}}
	for _, text := range []string{
		`<MessageType name="MessageClientSend"><MessageAttr Command="setServer"><data><server>wéb &lt;1>&#10;</server><state/></data></MessageAttr></MessageType>`,
		"\ufeff<?xml version='1.0'?>\n<!-- a <b> -->\n<MessageType\n name = 'MessageClientSend' >\r\n <MessageAttr Command='setServer'  >\n <data > " +
			"<server a='1' >w&#xE9;b <![CDATA[<1>]]>\r\n</server > <state></state>\n<server>second</server></data><other><more/></other></MessageAttr>\n </MessageType>\n<?pi?>\n",
		`<MessageType name="MessageClientSend"><MessageAttr Command="setServer"/><MessageAttr Command="other"/><data><server>wéb &#60;1&gt;&#xa;</server><state/></data></MessageType>`,
	} {
		got, err := ockle.Decode([]byte(text))
		if err != nil || got.Class != want.Class || got.Name != want.Name || !slices.Equal(got.Values, want.Values) {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
}

func TestDecodingRefuses(t *testing.T) {
	around := func(data string) string {
		return `<MessageType name="MessageClientSend"><MessageAttr Command="x"><data>` + data + `</data></MessageAttr></MessageType>`
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"text":                 "hello",
		"no end":               "<MessageType>",
		"a wrong end":          "<MessageType></MessageAttr>",
		"something behind":     around("") + "<x/>",
		"another root":         "<x/>",
		"no name":              "<MessageType name='x'/>",
		"another encoding":     "<?xml version='1.0' encoding='UTF-16'?>" + around(""),
		"not UTF-8":            around("<a>\xff</a>"),
		"a document type":      `<!DOCTYPE x [<!ENTITY a "b">]>` + around("<a>&a;</a>"),
		"an unknown entity":    around("<a>&nbsp;</a>"),
		"a zero":               around("<a>&#0;</a>"),
		"a lone &":             around("<a>a & b</a>"),
		"an element in a text": around("<a><b/></a>"),
		"depth":                strings.Repeat("<MessageType>", 1000),
		"many keys":            around(strings.Repeat("<a/>", 1) + manyKeys(1100)),
		"a long name":          around("<" + strings.Repeat("a", 1000) + "/>"),
		"attributes":           "<MessageType" + strings.Repeat(" a='b'", 100) + "/>",
		"an open attribute":    "<MessageType name='",
	} {
		if m, err := ockle.Decode([]byte(text)); err == nil {
			t.Errorf("%s is taken as %+v", name, m)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("<k" + strings.Repeat("i", i%200) + string(rune('a'+i/200)) + "/>")
	}
	return b.String()
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		text, want string
		err        error
	}{
		{"3:abc", "abc", nil},
		{"0003:abcdef", "abc", nil},
		{"0:", "", nil},
		{"", "", io.EOF},
		{"3", "", io.ErrUnexpectedEOF},
		{"3:ab", "", io.ErrUnexpectedEOF},
		{":", "", ockle.ErrFrame},
		{"-3:abc", "", ockle.ErrFrame},
		{" 3:abc", "", ockle.ErrFrame},
		{"3a:abc", "", ockle.ErrFrame},
		{strings.Repeat("0", 100) + ":", "", ockle.ErrFrame},
		{"101:", "", ockle.ErrTooLarge},
		{"99999999999999999999999:", "", ockle.ErrTooLarge},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			got, err := ockle.ReadFrame(r, 100)
			if string(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%q is %q, %v", c.text, got, err)
			}
		}
	}
	if got := string(ockle.AppendFrame(nil, []byte("é"))); got != "2:é" {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`<MessageType name="MessageClientSend"><MessageAttr Command="x"><data><a>&lt;1</a></data></MessageAttr></MessageType>`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ockle.Decode(payload)
		if err != nil {
			return
		}
		again, err := ockle.Decode(m.Encode())
		if err != nil || again.Class != m.Class || again.Name != m.Name || !slices.Equal(again.Values, m.Values) {
			t.Fatalf("%q is %+v, and then %+v, %v", payload, m, again, err)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("003:abc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, err := ockle.ReadFrame(bytes.NewReader(data), 1000)
		if err == nil && !bytes.Contains(data, append([]byte(":"), payload...)) {
			t.Fatalf("%q holds no %q", data, payload)
		}
	})
}

func FuzzSections(f *testing.F) {
	f.Add(`{"server": {"outlets": ["a"], "comment": "é"}, "o": {}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ockle.ParseSections(text)
		if err != nil {
			return
		}
		again, err := ockle.ParseSections(ockle.JSON(s))
		if err != nil || ockle.JSON(again) != ockle.JSON(s) {
			t.Fatalf("%q is %+v, and then %+v, %v", text, s, again, err)
		}
	})
}

package ipmi

import (
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// The requests whose data are nobody's business: Set User Password, Set Channel Security Keys.
const (
	setPassword = 0x47
	setKeys     = 0x56
)

// requestText shows a request as people read them.
func requestText(r ipmi.Request) string {
	text := fmt.Sprintf("%02x/%02x", uint8(r.NetFn), r.Cmd)
	for _, h := range r.Bridge {
		text = fmt.Sprintf("by channel %d to %02x: %s", h.Channel, h.Address, text)
	}
	if r.NetFn == ipmi.NetFnApp && (r.Cmd == setPassword || r.Cmd == setKeys) {
		return text + " …"
	}
	return text + fmt.Sprintf(" % x", r.Data)
}

func answerText(data []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("done % x", data)
}

package agent

import (
	"fmt"

	"github.com/gosnmp/gosnmp"
)

// maxAnswer is how many bytes an answer has at most, about.
const maxAnswer = 1400

// Answer gives the answer to a message, nil if there is none.
func (a *Agent) Answer(msg []byte) (answer []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() {
		if recover() != nil { // the codec, on what it did not expect
			answer = nil
		}
	}()
	a.heard++
	switch {
	case a.fault.Hang:
		return nil
	case a.fault.Garbage:
		return []byte("\x30\x82\xff\x00~~ this is no SNMP \x04\x04\x04")
	case a.fault.Drop > 0:
		a.fault.Drop--
		return nil
	}
	version, ok := versionOf(msg)
	switch {
	case !ok:
		return nil
	case version == gosnmp.Version3:
		answer = a.answer3(msg)
	default:
		answer = a.answerPlain(msg, version)
	}
	if answer != nil {
		a.last = answer
	}
	return answer
}

// answerPlain answers by versions 1 and 2c. A wrong community gets no answer.
func (a *Agent) answerPlain(msg []byte, version gosnmp.SnmpVersion) []byte {
	x := gosnmp.GoSNMP{Version: version}
	q, err := x.SnmpDecodePacket(msg)
	if err != nil {
		return nil
	}
	may := q.Community == a.cfg.Community && a.cfg.Community != ""
	if !may && (q.Community != a.cfg.ReadOnly || a.cfg.ReadOnly == "") || a.fault.Password {
		return nil
	}
	r := a.reply(q, may)
	if r == nil {
		return nil
	}
	r.Version, r.Community = version, q.Community
	return encoded(r)
}

func encoded(r *gosnmp.SnmpPacket) []byte {
	b, err := r.MarshalMsg()
	if err != nil {
		panic(fmt.Sprintf("agent: %v", err)) // a mistake of ours; Answer gives none
	}
	return b
}

// reply makes the answer to a question, without what is around it.
func (a *Agent) reply(q *gosnmp.SnmpPacket, mayWrite bool) *gosnmp.SnmpPacket {
	r := &gosnmp.SnmpPacket{PDUType: gosnmp.GetResponse, RequestID: q.RequestID}
	if a.fault.OtherID {
		r.RequestID++
	}
	v1 := q.Version == gosnmp.Version1
	switch q.PDUType {
	case gosnmp.GetRequest:
		a.get(q, r, v1)
	case gosnmp.GetNextRequest:
		a.getNext(q, r, v1)
	case gosnmp.GetBulkRequest:
		if v1 {
			return nil
		}
		a.getBulk(q, r)
	case gosnmp.SetRequest:
		if a.fault.Mute {
			return nil
		}
		a.set(q, r, mayWrite)
	default:
		return nil
	}
	if most := a.fault.Most; most > 0 && len(r.Variables) > most && r.Error == gosnmp.NoError {
		r.Error, r.Variables = gosnmp.TooBig, q.Variables
	}
	if a.fault.Other {
		for i := range r.Variables {
			if o := a.next(r.Variables[i].Name); o != nil {
				r.Variables[i] = a.value(o)
			}
		}
	}
	return r
}

func (a *Agent) get(q, r *gosnmp.SnmpPacket, v1 bool) {
	for i, v := range q.Variables {
		at, found := a.find(v.Name)
		switch {
		case found:
			r.Variables = append(r.Variables, a.value(&a.objects[at]))
		case v1:
			r.Error, r.ErrorIndex, r.Variables = gosnmp.NoSuchName, uint8(i+1), q.Variables
			return
		default:
			r.Variables = append(r.Variables, gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.NoSuchObject})
		}
	}
}

func (a *Agent) getNext(q, r *gosnmp.SnmpPacket, v1 bool) {
	for i, v := range q.Variables {
		o := a.next(v.Name)
		switch {
		case o != nil:
			r.Variables = append(r.Variables, a.value(o))
		case v1:
			r.Error, r.ErrorIndex, r.Variables = gosnmp.NoSuchName, uint8(i+1), q.Variables
			return
		default:
			r.Variables = append(r.Variables, gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.EndOfMibView})
		}
	}
}

// getBulk answers as much as fits (RFC 3416, section 4.2.3).
func (a *Agent) getBulk(q, r *gosnmp.SnmpPacket) {
	repeat := q.Variables[min(int(q.NonRepeaters), len(q.Variables)):]
	once := &gosnmp.SnmpPacket{Variables: q.Variables[:len(q.Variables)-len(repeat)]}
	a.getNext(once, r, false)
	from := make([]string, len(repeat))
	for i, v := range repeat {
		from[i] = v.Name
	}
	size := 0
	for range q.MaxRepetitions {
		ended := 0
		for i := range from {
			o := a.next(from[i])
			if size += len(from[i]) + 16; size > maxAnswer && len(r.Variables) > 0 {
				return
			}
			if o == nil {
				ended++
				r.Variables = append(r.Variables, gosnmp.SnmpPDU{Name: from[i], Type: gosnmp.EndOfMibView})
				continue
			}
			from[i] = o.oid
			r.Variables = append(r.Variables, a.value(o))
		}
		if ended == len(from) {
			return
		}
	}
}

// set obeys an order, all of it or nothing.
func (a *Agent) set(q, r *gosnmp.SnmpPacket, mayWrite bool) {
	r.Variables = q.Variables
	refuse := func(i int, why, whyV1 gosnmp.SNMPError) {
		if r.Error, r.ErrorIndex = why, uint8(i+1); q.Version == gosnmp.Version1 {
			r.Error = whyV1
		}
	}
	type step struct {
		outlet int
		action action
	}
	var steps []step
	for i, v := range q.Variables {
		at, found := a.find(v.Name)
		switch {
		case !mayWrite:
			refuse(i, gosnmp.NoAccess, gosnmp.NoSuchName)
			return
		case !found:
			refuse(i, gosnmp.NoCreation, gosnmp.NoSuchName)
			return
		case len(a.objects[at].orders) == 0:
			refuse(i, gosnmp.NotWritable, gosnmp.ReadOnly)
			return
		}
		o := &a.objects[at]
		what := nothing
		for _, x := range o.orders {
			if x.value == textOf(v) {
				what = x.action
			}
		}
		if what == nothing || a.outlets[o.outlet].name == a.fault.Reject {
			refuse(i, gosnmp.WrongValue, gosnmp.BadValue)
			return
		}
		steps = append(steps, step{o.outlet, what})
	}
	for i, s := range steps {
		if a.act(s.outlet, s.action) != nil {
			refuse(i, gosnmp.CommitFailed, gosnmp.GenErr)
			return
		}
	}
}

func textOf(v gosnmp.SnmpPDU) string {
	if b, ok := v.Value.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v.Value)
}

package redfish

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is what kind of failure an [Error] is. As an error it is what errors.Is looks
// for:
//
//	if errors.Is(err, redfish.NotFound) {
type Kind uint8

// The kinds.
const (
	Denied      Kind = iota + 1 // it does not let us in, or not do that
	NotFound                    // there is no such resource
	Unsupported                 // it cannot do that, or has no such property
	Conflict                    // something else has changed it, or stands against it now
	Busy                        // it will later
	Exhausted                   // no more sessions, or no more room
	Invalid                     // it does not understand or like the request
	Broken                      // it failed; whether it did what it was asked is unknown
)

// String says what the kind means.
func (k Kind) String() string {
	switch k {
	case Denied:
		return "denied"
	case NotFound:
		return "not found"
	case Unsupported:
		return "not supported"
	case Conflict:
		return "conflict"
	case Busy:
		return "busy"
	case Exhausted:
		return "no room"
	case Invalid:
		return "invalid request"
	}
	return "service failed"
}

func (k Kind) Error() string { return k.String() }

// Message is something that a service has to say: of an error, or of a success that is
// none for some property (DSP0266 "Error responses", the Message object).
type Message struct {
	ID         string // as "Base.1.8.PropertyNotWritable"
	Text       string
	Severity   string // "OK", "Warning", "Critical"
	Resolution string
	Args       []string
	Related    []string // JSON pointers of the properties that it is about
}

// Key gives the last part of the message's id, which is its name in its registry:
// "PropertyNotWritable". Registries' versions differ from service to service.
func (m Message) Key() string {
	return m.ID[strings.LastIndexByte(m.ID, '.')+1:]
}

func (m Message) String() string {
	switch {
	case m.Text != "":
		return m.Text
	case m.Key() != "":
		return strings.TrimSpace(m.Key() + " " + strings.Join(m.Args, " "))
	}
	return m.Resolution
}

// Error is a request that a service has turned down.
type Error struct {
	Method, Path string
	Status       int // of HTTP
	Kind         Kind
	Messages     []Message     // what it says, in its order; may be empty
	RetryAfter   time.Duration // when it wants to be asked again; 0 if it does not say
}

func (e *Error) Error() string {
	said := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status)))
	var texts []string
	for _, m := range e.Messages {
		if t := m.String(); t != "" {
			texts = append(texts, t)
		}
	}
	if len(texts) > 0 {
		said = strings.Join(texts, "; ") + " (" + said + ")"
	}
	return e.Method + " " + e.Path + ": " + said
}

// Is says whether target is the error's [Kind].
func (e *Error) Is(target error) bool {
	k, is := target.(Kind)
	return is && k == e.Kind
}

// Has says whether the service has said a message of that key, such as
// "PropertyValueNotInList".
func (e *Error) Has(key string) bool {
	for _, m := range e.Messages {
		if strings.EqualFold(m.Key(), key) {
			return true
		}
	}
	return false
}

// UnsureError is a change that may or may not have happened: it was sent, and its
// answer did not come. It is never repeated by this package.
type UnsureError struct {
	Method, Path string
	Err          error
}

func (e *UnsureError) Error() string {
	return e.Method + " " + e.Path + ": it was sent, and no answer came, so it may have happened: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *UnsureError) Unwrap() error { return e.Err }

// The bounds of what is kept of a service's messages.
const (
	maxMessages = 20
	maxText     = 600
)

// messages reads what a document says in "@Message.ExtendedInfo", which is in the
// error object, at the top, or beside the property that it is about. mask takes out what
// nobody should read, before anything is cut.
func messages(d Document, mask func(string) string) []Message {
	clip := func(text string) string { return clip(mask(text)) }
	var list []Message
	add := func(of Document) {
		for _, m := range of.List("@Message.ExtendedInfo") {
			if len(list) == maxMessages {
				return
			}
			list = append(list, readMessage(m, clip))
		}
	}
	add(d.At("error"))
	add(d)
	for _, key := range d.Keys() {
		if strings.HasSuffix(key, "@Message.ExtendedInfo") && key != "@Message.ExtendedInfo" {
			add(Document{value: map[string]any{"@Message.ExtendedInfo": d.At(key).value}})
		}
	}
	if len(list) == 0 && (d.Has("error", "message") || d.Has("error", "code")) {
		list = append(list, Message{ID: clip(d.String("error", "code")), Text: clip(d.String("error", "message"))})
	}
	return list
}

func readMessage(m Document, clip func(string) string) Message {
	id := m.String("MessageId")
	if id == "" {
		id = m.String("MessageID")
	}
	severity := m.String("MessageSeverity")
	if severity == "" {
		severity = m.String("Severity")
	}
	msg := Message{
		ID: clip(id), Text: clip(m.String("Message")), Severity: clip(severity), Resolution: clip(m.String("Resolution")),
		Related: m.Strings("RelatedProperties"),
	}
	for _, a := range m.Strings("MessageArgs") {
		msg.Args = append(msg.Args, clip(a))
	}
	if msg.Text == "" && !m.IsObject() { // a plain text
		msg.Text = clip(m.String())
	}
	return msg
}

// clip bounds a text, and has it be one line.
func clip(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
}

// kindOf tells the kind of a failure from its status and messages.
func kindOf(status int, said []Message) Kind {
	for _, m := range said {
		switch m.Key() {
		case "SessionLimitExceeded", "CreateLimitReachedForResource", "EventSubscriptionLimitExceeded", "InsufficientStorage":
			return Exhausted
		case "ActionNotSupported", "PropertyUnknown", "PropertyNotWritable", "QueryNotSupported", "QueryNotSupportedOnResource", "ActionParameterNotSupported", "OperationNotAllowed":
			if status < 500 || status == http.StatusNotImplemented {
				return Unsupported
			}
		case "ServiceTemporarilyUnavailable", "ResourceInUse", "ServiceInUnknownState", "OperationTimeout":
			return Busy
		case "ResourceAlreadyExists":
			return Conflict
		case "InsufficientPrivilege", "NoValidSession", "ResourceAtUriUnauthorized":
			return Denied
		}
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Denied
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusUnsupportedMediaType, http.StatusNotAcceptable:
		return Unsupported
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusLocked:
		return Conflict
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return Busy
	case http.StatusInsufficientStorage:
		return Exhausted
	}
	if status >= 500 {
		return Broken
	}
	return Invalid
}

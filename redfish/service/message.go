package service

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The registries whose messages are used. Base is DMTF's; its keys and the meaning of
// their arguments are theirs, the words are ours. Machine is ours altogether.
const (
	basePrefix, baseVersion       = "Base", "1.18.1"
	machinePrefix, machineVersion = "Machine", "1.0.0"
)

// definition is one message of a registry.
type definition struct {
	key, text string
	severity  Health
	advice    string
}

// baseMessages are the messages of Base that are used here.
func baseMessages() []definition {
	return []definition{
		{"Success", "It was done.", OK, "Nothing needs to be done."},
		{"Created", "The resource was made.", OK, "Nothing needs to be done."},
		{"GeneralError", "An error has occurred; what else is said tells which.", Critical, "See what else is said."},
		{"InternalError", "The service had a fault of its own.", Critical, "Ask again; if it lasts, tell who runs the service."},
		{"MalformedJSON", "The body is not JSON that can be read.", Critical, "Send one well-formed JSON object."},
		{"UnrecognizedRequestBody", "The body is not what this takes.", Warning, "Send a JSON object of the kind that the resource takes."},
		{"EmptyJSON", "The body is an empty object, and so asks for nothing.", Warning, "Say what is to be done."},
		{"PropertyUnknown", "The resource has no property %1.", Warning, "Leave it out, or correct its name."},
		{"PropertyNotWritable", "The property %1 cannot be written.", Warning, "Leave it out."},
		{"PropertyMissing", "The property %1 is needed and missing.", Warning, "Say it."},
		{"PropertyValueTypeError", "The value %1 of the property %2 is of another type than the property.", Warning, "Send a value of the right type."},
		{"PropertyValueNotInList", "The value %1 of the property %2 is none of those that it can have.", Warning, "Choose one of those that are allowed."},
		{"PropertyValueFormatError", "The value %1 of the property %2 is not written as it has to be.", Warning, "Correct the value."},
		{"ActionNotSupported", "The action %1 cannot be done on this resource.", Critical, "See the resource's Actions for what can."},
		{"ActionParameterMissing", "The action %1 needs the parameter %2, which is missing.", Critical, "Say it."},
		{"ActionParameterUnknown", "The action %1 has no parameter %2.", Warning, "Leave it out, or correct its name."},
		{"ActionParameterValueTypeError", "The value %1 of the parameter %2 of the action %3 is of another type than the parameter.", Warning, "Send a value of the right type."},
		{"ActionParameterValueNotInList", "The value %1 of the parameter %2 of the action %3 is none of those that it can have.", Warning, "Choose one of those that are allowed."},
		{"ActionParameterValueFormatError", "The value %1 of the parameter %2 of the action %3 is not written as it has to be.", Warning, "Correct the value."},
		{"ResourceMissingAtURI", "There is no resource at %1.", Critical, "Correct the URI."},
		{"ResourceAlreadyExists", "There is a resource of type %1 already whose property %2 has the value %3.", Critical, "Choose another value, or change the one that there is."},
		{"ResourceCannotBeDeleted", "The resource cannot be deleted.", Critical, "Do not delete it."},
		{"OperationNotAllowed", "The method cannot be used on this resource.", Critical, "See the header Allow for those that can."},
		{"OperationTimeout", "It was not done in time.", Warning, "See how the resource stands, and ask again."},
		{"PreconditionFailed", "The resource has changed since its ETag was given.", Critical, "Read it again, and ask again if that is still wanted."},
		{"HeaderInvalid", "The header %1 cannot be taken.", Critical, "Correct or leave out the header."},
		{"QueryNotSupported", "Queries of this kind are not supported.", Warning, "Leave the query out."},
		{"QueryNotSupportedOnResource", "This resource does not take such a query.", Warning, "Leave the query out."},
		{"QueryNotSupportedOnOperation", "This operation does not take a query.", Warning, "Leave the query out."},
		{"QueryCombinationInvalid", "These queries cannot be used together.", Warning, "Leave one of them out."},
		{"QueryParameterValueTypeError", "The value %1 of the query %2 is of another type than the query.", Warning, "Send a value of the right type."},
		{"QueryParameterValueFormatError", "The value %1 of the query %2 is not written as it has to be.", Warning, "Correct the value."},
		{"QueryParameterOutOfRange", "The value %1 of the query %2 is outside of %3.", Warning, "Choose a value inside."},
		{"NoValidSession", "There is no valid session, nor other proof of who asks.", Critical, "Log in."},
		{"InsufficientPrivilege", "This user may not do that.", Critical, "Ask as somebody who may."},
		{"SessionLimitExceeded", "There are as many sessions as there can be.", Critical, "End sessions that are not needed."},
		{"CreateLimitReachedForResource", "There are as many of these as there can be.", Critical, "Delete some that are not needed."},
		{"EventSubscriptionLimitExceeded", "There are as many subscriptions as there can be.", Critical, "Delete some that are not needed."},
		{"ServiceTemporarilyUnavailable", "The service cannot do it now. It may be asked again in %1 seconds.", Critical, "Wait, and ask again."},
		{"StringValueTooLong", "The text %1 is longer than %2 characters.", Warning, "Shorten it."},
		{"ActionParameterNotSupported", "The parameter %1 of the action %2 is not supported here.", Warning, "Leave it out."},
	}
}

// machineMessages are the messages of events.
func machineMessages() []definition {
	return []definition{
		{PowerChanged, "The power of machine %1 is now %2.", OK, "Nothing needs to be done."},
		{Switched, "%1 of machine %2 ended as %3.", OK, "Nothing needs to be done, unless it failed."},
		{Notice, "%1", OK, "See the message."},
		{TestEvent, "This is a test, which somebody asked for: %1", OK, "Nothing needs to be done."},
	}
}

// The messages of events; what their arguments are stands in machineMessages.
const (
	PowerChanged = "PowerChanged" // machine, state
	Switched     = "Switched"     // operation, machine, outcome
	Notice       = "Notice"       // text
	TestEvent    = "TestEvent"    // text
)

// fill puts arguments into a text with %1, %2…
func fill(text string, args []string) string {
	pairs := make([]string, 0, 2*len(args))
	for i, arg := range args {
		pairs = append(pairs, "%"+strconv.Itoa(i+1), arg)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// messageID is a message's full id: the registry with its major and minor version, and
// the key.
func messageID(prefix, version, key string) string {
	return prefix + "." + version[:strings.LastIndexByte(version, '.')] + "." + key
}

// message is one message of Base in an answer.
type message struct {
	key      string
	args     []string
	property string // a JSON pointer that it is about, or ""
	said     string // in place of the registry's text
}

func say(key string, args ...string) message {
	for i, arg := range args {
		args[i] = shorten(arg)
	}
	return message{key: key, args: args}
}

func (m message) about(property string) message {
	m.property = property
	return m
}

func (m message) words(text string) message {
	m.said = text
	return m
}

// object gives the message as Message.v1_2_1 has it.
func (m message) object() object {
	all := baseMessages()
	i := slices.IndexFunc(all, func(d definition) bool { return d.key == m.key })
	if i < 0 {
		i = 2 // GeneralError
	}
	def := all[i]
	text := fill(def.text, m.args)
	if m.said != "" {
		text = m.said
	}
	o := object{
		"@odata.type": "#Message.v1_2_1.Message", "MessageId": messageID(basePrefix, baseVersion, def.key),
		"Message": text, "MessageSeverity": string(def.severity), "Resolution": def.advice,
	}
	if len(m.args) > 0 {
		o["MessageArgs"] = m.args
	}
	if m.property != "" {
		o["RelatedProperties"] = []string{"#/" + m.property}
	}
	return o
}

// fault is a failure on its way to the client.
type fault struct {
	status   int
	messages []message
	after    int // seconds, for Retry-After; zero is not said
	cause    error
}

func (f *fault) Error() string {
	return fmt.Sprintf("status %d: %v %v", f.status, f.messages, f.cause)
}

func (f *fault) Unwrap() error { return f.cause }

func failed(status int, messages ...message) *fault {
	return &fault{status: status, messages: messages}
}

// body gives the body of an error answer (DSP0266, section "Error responses").
func (f *fault) body() object {
	info := make([]object, len(f.messages))
	for i, m := range f.messages {
		info[i] = m.object()
	}
	code, text := messageID(basePrefix, baseVersion, "GeneralError"), "See what else is said."
	if len(info) == 1 {
		code, text = info[0]["MessageId"].(string), info[0]["Message"].(string)
	}
	return object{"error": object{"code": code, "message": text, "@Message.ExtendedInfo": info}}
}

// shorten cuts what a client said before it is said back.
func shorten(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

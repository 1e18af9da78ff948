// Package redfish is a client of Redfish services: of the service processors (BMCs) of
// servers, enclosures and power shelves that are managed by HTTP and JSON (DMTF
// DSP0266, whose sections the comments cite, with the schemas of DSP0268).
//
// It exists because BMCs keep to the schemas only roughly: numbers come as text,
// members are missing or null, links are absolute and lead to names that nobody can
// resolve. So nothing is decoded into fixed types here. What a service says is a
// [Document], whose accessors give what is there and nothing where there is nothing;
// what this package makes of documents (power, sensors, logs, users, settings…) works
// with what a service has. And because a BMC is a weak and trusted machine: sessions
// are logged out, requests are few, cached and limited, answers are bounded, and a
// credential never goes to any host but the one that was dialled.
//
// Start at [Dial] and [Client.System]:
//
//	c, err := redfish.Dial(ctx, redfish.Options{Address: "bmc1", User: "admin", Password: pw})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	s, err := c.System(ctx, "")
//	if err != nil {
//		return err
//	}
//	return s.Power(ctx, redfish.PowerOn)
//
// The layers, from the bottom:
//
//	document.go            what a service says
//	trust.go, error.go     certificates; what can go wrong, and how to tell
//	client.go, login.go    a client's life: dialling, sessions, closing
//	exchange.go, cache.go  one request and its answer; what need not be asked again
//	fetch.go, change.go    reading resources and collections; writing, actions
//	task.go, event.go      what takes time; what comes by itself
//	system.go and others   the features, one file each
package redfish

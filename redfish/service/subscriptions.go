package service

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxSubscriptions bounds how many there are.
const maxSubscriptions = 32

// subscription is a place that events are sent to.
type subscription struct {
	id          string
	owner       User // who hears of what they may see, as long as they are let in
	destination *url.URL
	headers     http.Header
	wish        wish
	stop        context.CancelFunc
	resume      chan struct{}

	// The rest may change; guarded by subscriptions.
	about     string // the client's own, sent along
	policy    string
	verify    bool
	suspended bool
}

type subscriptions struct {
	mu      sync.Mutex
	all     []*subscription
	streams streams
}

func (l *subscriptions) list() []*subscription {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.all)
	slices.SortFunc(list, func(a, b *subscription) int { return cmp.Compare(a.id, b.id) })
	return list
}

func (l *subscriptions) remove(sub *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.DeleteFunc(l.all, func(o *subscription) bool { return o == sub })
	sub.stop()
}

func (l *subscriptions) change(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

func (c *call) subscriptionList() (object, error) {
	list := c.hooks.list()
	if !may(c.user.Role, configureManager) {
		list = nil
	}
	return c.list("EventDestinationCollection", "Subscriptions", len(list), func(i int) object { return link(join(subscriptionsPath, list[i].id)) }), nil
}

func (c *call) findSubscription() (*subscription, error) {
	for _, sub := range c.hooks.list() {
		if sub.id == c.ids[0] {
			return sub, nil
		}
	}
	return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
}

func (c *call) oneSubscription() (object, error) {
	sub, err := c.findSubscription()
	if err != nil {
		return nil, err
	}
	return c.subscriptionObject(sub), nil
}

// subscriptionObject shows a subscription (EventDestination). Headers may hold
// secrets, and are not shown.
func (c *call) subscriptionObject(sub *subscription) object {
	path := join(subscriptionsPath, sub.id)
	texts := func(list []string) []string { return append([]string{}, list...) }
	o := object{
		"@odata.id": path, "@odata.type": "#EventDestination.v1_16_0.EventDestination", "Id": sub.id, "Name": "Subscription " + sub.id,
		"Description": "A place that events are sent to.", "Destination": sub.destination.String(), "Protocol": "Redfish", "SubscriptionType": "RedfishEvent",
		"EventFormatType": "Event", "HttpHeaders": []object{}, "RegistryPrefixes": texts(sub.wish.prefixes), "ResourceTypes": texts(sub.wish.resources),
		"MessageIds": texts(sub.wish.messages), "Severities": texts(sub.wish.severities), "SubordinateResources": sub.wish.below,
		"OriginResources": links(sub.wish.origins...), "OriginResources@odata.count": len(sub.wish.origins),
		"Actions": object{"#EventDestination.ResumeSubscription": object{"target": path + "/Actions/EventDestination.ResumeSubscription"}},
	}
	if len(sub.wish.types) > 0 {
		o["EventTypes"] = sub.wish.types
	}
	c.hooks.change(func() {
		o["Context"], o["DeliveryRetryPolicy"], o["VerifyCertificate"], o["Status"] = orNull(sub.about), sub.policy, sub.verify, enabled()
		if sub.suspended {
			o["Status"] = object{"State": "Disabled", "Health": "Warning"}
		}
	})
	return o
}

// subscribe makes a subscription (DSP0266, section "Eventing").
func (c *call) subscribe() error {
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	f := fieldsOf(body, "")
	sub := &subscription{id: randomID(), owner: c.user, policy: "RetryForever", verify: true, resume: make(chan struct{}, 1)}
	c.takeDestination(f, sub)
	f.choice("Protocol", true, "Redfish")
	f.choice("EventFormatType", false, "Event")
	f.choice("SubscriptionType", false, "RedfishEvent")
	sub.takeOptions(f)
	sub.wish.prefixes, sub.wish.resources = f.texts("RegistryPrefixes", 16), f.texts("ResourceTypes", 32)
	sub.wish.messages, sub.wish.types, sub.wish.severities = f.texts("MessageIds", 64), f.texts("EventTypes", 16), f.texts("Severities", 3)
	sub.wish.below, _ = f.flag("SubordinateResources")
	sub.takeOrigins(f)
	sub.takeHeaders(f)
	f.rest(object{"Id": nil, "Name": nil, "Status": nil})
	if err := f.err(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Service.ctx)
	sub.stop = stop
	full := false
	c.hooks.change(func() {
		if full = len(c.hooks.all) >= maxSubscriptions; !full {
			c.hooks.all = append(c.hooks.all, sub)
		}
	})
	after := c.events.now()
	if full || !c.begin(func() { c.deliver(ctx, sub, after) }) {
		stop()
		return failed(http.StatusConflict, say("EventSubscriptionLimitExceeded"))
	}
	c.created(join(subscriptionsPath, sub.id), c.subscriptionObject(sub))
	return nil
}

// takeDestination reads where events shall go. Addresses are judged here as far as
// they are written out, and again when they are connected to.
func (c *call) takeDestination(f *fields, sub *subscription) {
	text, ok := f.text("Destination", true)
	if !ok {
		return
	}
	u, err := url.Parse(text)
	good := err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && c.opts.PlainEvents)
	if good {
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			good = c.opts.Destination(addr.Unmap())
		}
	}
	if !good {
		f.bad("Destination", "ValueFormatError", text)
		return
	}
	sub.destination = u
}

func (sub *subscription) takeOptions(f *fields) (names []string) {
	if v, ok := f.text("Context", false); ok {
		sub.about = v
		names = append(names, "Context")
	}
	if v, ok := f.choice("DeliveryRetryPolicy", false, "RetryForever", "TerminateAfterRetries", "SuspendRetries"); ok {
		sub.policy = v
		names = append(names, "DeliveryRetryPolicy")
	}
	if v, ok := f.flag("VerifyCertificate"); ok {
		sub.verify = v
		names = append(names, "VerifyCertificate")
	}
	return names
}

func (sub *subscription) takeOrigins(f *fields) {
	v, given := f.take("OriginResources", false)
	if !given {
		return
	}
	list, is := v.([]any)
	if !is || len(list) > 256 {
		f.bad("OriginResources", "ValueTypeError", "")
		return
	}
	for _, one := range list {
		o, _ := one.(object)
		path, is := o["@odata.id"].(string)
		if !is || len(path) > maxText {
			f.bad("OriginResources", "ValueTypeError", "")
			return
		}
		sub.wish.origins = append(sub.wish.origins, path)
	}
}

// takeHeaders reads headers to send along. Those that say how the message is sent are
// ours to set.
func (sub *subscription) takeHeaders(f *fields) {
	v, given := f.take("HttpHeaders", false)
	if !given {
		return
	}
	list, is := v.([]any)
	ours := []string{"Host", "Connection", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Expect"}
	sub.headers = make(http.Header)
	for _, one := range list {
		o, _ := one.(object)
		for name, value := range o {
			text, isText := value.(string)
			key := http.CanonicalHeaderKey(name)
			bad := name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) })
			if is = is && isText && !bad && len(text) <= maxText && !strings.ContainsAny(text, "\r\n\x00") && !slices.Contains(ours, key); is {
				sub.headers.Set(key, text)
			}
		}
	}
	if !is || len(sub.headers) > 16 {
		f.bad("HttpHeaders", "ValueFormatError", "")
	}
}

func (c *call) changeSubscription(f *fields) ([]step, error) {
	sub, err := c.findSubscription()
	if err != nil {
		return nil, err
	}
	var next subscription
	c.hooks.change(func() { next.about, next.policy, next.verify = sub.about, sub.policy, sub.verify })
	names := next.takeOptions(f)
	if names == nil {
		return nil, nil
	}
	return []step{{names, func() error {
		c.hooks.change(func() { sub.about, sub.policy, sub.verify = next.about, next.policy, next.verify })
		return nil
	}}}, nil
}

func (c *call) unsubscribe() error {
	sub, err := c.findSubscription()
	if err == nil {
		c.hooks.remove(sub)
	}
	return err
}

// resume is the action that starts deliveries again.
func (c *call) resume() error {
	sub, err := c.findSubscription()
	if err != nil {
		return err
	}
	select {
	case sub.resume <- struct{}{}:
	default: // it is told already
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

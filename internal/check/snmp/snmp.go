// Package snmp checks the value of an SNMP object: what an agent on the node, or on
// something beside it, says of load, disks, sensors, and all that has a number.
//
// An object that the agent does not have, and a value that is not as it should be, are
// bad. So is silence; with versions 1 and 2c that is also what an agent does with a
// community that it does not know. An agent that turns down a user of version 3 leaves it
// unknown.
//
// Start at [Settings].
package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/secret"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "snmp",
		Summary: "the value of an SNMP object is as it should be",
		New: func() check.Settings {
			return &Settings{Host: "{address}", Port: 161, Version: "2c", Auth: "sha", Privacy: "aes128"}
		},
	}
}

// Settings of one check. The credential is the community (`password`), or, for version 3,
// `user`, `password` for authentication and `passphrase` for privacy; without that the
// password serves for both.
type Settings struct {
	Host    string `yaml:"host" default:"{address}" doc:"where the agent is"`
	Port    int    `yaml:"port" default:"161" doc:"the UDP port"`
	Version string `yaml:"version" enum:"1,2c,3" default:"2c" doc:"the version of SNMP"`
	OID     string `yaml:"oid" required:"true" doc:"the object, by numbers, with its index: 1.3.6.1.4.1.2021.10.1.5.1"`
	Auth    string `yaml:"auth" enum:"none,md5,sha,sha224,sha256,sha384,sha512" default:"sha" doc:"version 3: how messages are authenticated"`
	Privacy string `yaml:"privacy" enum:"none,des,aes128,aes192,aes256,aes192c,aes256c" default:"aes128" doc:"version 3: how messages are encrypted; those with c extend keys as Cisco does"`
	Context string `yaml:"context" doc:"version 3: the name of the context"`

	check.Want `yaml:",inline"`
}

// The values of Version, Auth and Privacy.
var (
	versions = map[string]gosnmp.SnmpVersion{"1": gosnmp.Version1, "2c": gosnmp.Version2c, "3": gosnmp.Version3}
	auths    = map[string]gosnmp.SnmpV3AuthProtocol{
		"none": gosnmp.NoAuth, "md5": gosnmp.MD5, "sha": gosnmp.SHA, "sha224": gosnmp.SHA224,
		"sha256": gosnmp.SHA256, "sha384": gosnmp.SHA384, "sha512": gosnmp.SHA512,
	}
	privacies = map[string]gosnmp.SnmpV3PrivProtocol{
		"none": gosnmp.NoPriv, "des": gosnmp.DES, "aes128": gosnmp.AES, "aes192": gosnmp.AES192,
		"aes256": gosnmp.AES256, "aes192c": gosnmp.AES192C, "aes256c": gosnmp.AES256C,
	}
)

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	_, version := versions[s.Version]
	_, auth := auths[s.Auth]
	_, privacy := privacies[s.Privacy]
	switch {
	case !numbers(s.OID):
		return nil, check.Field("oid", "it is written by numbers, such as 1.3.6.1.2.1.1.3.0")
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case s.Port < 1 || s.Port > 65535:
		return nil, check.Field("port", "1 to 65535")
	case !version:
		return nil, check.Field("version", "it is 1, 2c or 3")
	case !auth:
		return nil, check.Field("auth", "nothing known is called %q", s.Auth)
	case !privacy:
		return nil, check.Field("privacy", "nothing known is called %q", s.Privacy)
	case s.Version == "3" && s.Auth == "none" && s.Privacy != "none":
		return nil, check.Field("privacy", "there is no privacy without authentication")
	}
	judge, err := s.Judge()
	return &asker{*s, judge}, err
}

// numbers says whether a text is an OID (X.660: 0, 1 or 2 first; at most 128 numbers).
func numbers(oid string) bool {
	parts := strings.Split(strings.TrimPrefix(oid, "."), ".")
	for _, part := range parts {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			return false
		}
	}
	return len(parts) > 1 && len(parts) <= 128 && parts[0] <= "2"
}

// asker is the check.
type asker struct {
	Settings
	judge *check.Judge
}

// again is after which time the question is asked again: packets get lost.
const again = time.Second

// client makes what asks, for one run.
func (c *asker) client(ctx context.Context, env *check.Env) *gosnmp.GoSNMP {
	password := env.Credential.Get(secret.Password).Reveal()
	x := &gosnmp.GoSNMP{
		Context: ctx, Target: env.Fill(c.Host), Port: uint16(c.Port), Transport: "udp",
		Version: versions[c.Version], Timeout: again, Retries: 1000, MaxOids: 1, Community: password, // ctx ends it
	}
	if x.Community == "" {
		x.Community = "public"
	}
	if c.Version != "3" {
		return x
	}
	usm := &gosnmp.UsmSecurityParameters{UserName: env.Credential.User}
	x.SecurityModel, x.MsgFlags, x.ContextName, x.SecurityParameters = gosnmp.UserSecurityModel, gosnmp.NoAuthNoPriv, c.Context, usm
	if c.Auth != "none" {
		x.MsgFlags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = auths[c.Auth], password
	}
	if c.Privacy != "none" {
		x.MsgFlags = gosnmp.AuthPriv
		usm.PrivacyProtocol, usm.PrivacyPassphrase = privacies[c.Privacy], env.Credential.Get(secret.Passphrase).Reveal()
		if usm.PrivacyPassphrase == "" {
			usm.PrivacyPassphrase = password
		}
	}
	return x
}

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	to := "SNMP agent " + net.JoinHostPort(env.Fill(c.Host), strconv.Itoa(c.Port))
	x := c.client(ctx, &env)
	start := time.Now()
	answer, err := get(x, "."+strings.TrimPrefix(c.OID, "."))
	took := time.Since(start)
	if err != nil {
		return failed(ctx, to, err)
	}
	switch {
	case answer.Error == gosnmp.AuthorizationError || answer.Error == gosnmp.NoAccess:
		return check.Unclear(fmt.Sprintf("%s: %s", to, answer.Error))
	case answer.Error == gosnmp.NoSuchName:
		return check.Wrong(to + " has no object " + c.OID)
	case answer.Error != gosnmp.NoError:
		return check.Wrong(fmt.Sprintf("%s: %s", to, answer.Error))
	case len(answer.Variables) != 1:
		return check.Wrong(to + " says what nobody understands")
	}
	return c.verdict(&env, to, answer.Variables[0], took)
}

// get asks for one object. The library has been seen to panic at messages that are made
// for that.
func get(x *gosnmp.GoSNMP, oid string) (answer *gosnmp.SnmpPacket, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, errors.New("it says what nobody understands")
		}
	}()
	if err := x.Connect(); err != nil {
		return nil, err
	}
	defer func() { _ = x.Close() }()
	if x.Context.Err() != nil {
		return nil, x.Context.Err()
	}
	conn := x.Conn // which Close takes from x
	stop := context.AfterFunc(x.Context, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return x.Get([]string{oid})
}

// failed is the result where there is no answer.
func failed(ctx context.Context, to string, err error) check.Result {
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) { // the library looks at the clock itself
		return check.Unreached(ctx, to, context.DeadlineExceeded)
	}
	turnedDown := slices.ContainsFunc([]error{
		gosnmp.ErrUnknownUsername, gosnmp.ErrWrongDigest, gosnmp.ErrDecryption, gosnmp.ErrUnknownSecurityLevel, gosnmp.ErrUnknownSecurityModels,
	}, func(e error) bool { return errors.Is(err, e) })
	var network *net.OpError
	if turnedDown || !errors.As(err, &network) { // the library's words about settings, too
		return check.Unclear(to + ": " + err.Error())
	}
	return check.Unreached(ctx, to, err)
}

// verdict judges a value.
func (c *asker) verdict(env *check.Env, to string, v gosnmp.SnmpPDU, took time.Duration) check.Result {
	text, number, is := value(v)
	if !is {
		return check.Wrong(to + " has no object " + c.OID)
	}
	r := check.Result{Verdict: check.OK, Took: took, Said: fmt.Sprintf("%s is %s", c.OID, env.Line(text, 80))}
	if number != nil {
		r.Values = []check.Value{{Part: c.OID, Quantity: check.Count, Value: *number}}
	}
	if err := c.judge.Look(env, text); err != nil {
		r.Verdict = check.Bad
		r.Said = fmt.Sprintf("%s is %v", c.OID, err)
	}
	return r
}

// value gives an object's value as text, and as a number if it is one.
func value(v gosnmp.SnmpPDU) (text string, number *float64, is bool) {
	switch v.Type {
	case gosnmp.Integer, gosnmp.Counter32, gosnmp.Gauge32, gosnmp.TimeTicks, gosnmp.Counter64, gosnmp.Uinteger32:
		n := gosnmp.ToBigInt(v.Value)
		f, _ := n.Float64()
		return n.String(), &f, true
	case gosnmp.OpaqueFloat, gosnmp.OpaqueDouble:
		text = fmt.Sprint(v.Value)
	case gosnmp.OctetString, gosnmp.BitString, gosnmp.Opaque:
		b, ok := v.Value.([]byte)
		if !ok {
			return "", nil, false
		}
		text = strings.TrimRight(string(b), "\x00")
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) {
			text = fmt.Sprintf("%x", b)
		}
	case gosnmp.ObjectIdentifier:
		text = strings.TrimPrefix(fmt.Sprint(v.Value), ".")
	case gosnmp.IPAddress:
		text = fmt.Sprint(v.Value)
	default:
		return "", nil, false
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && f == f && f-f == 0 {
		number = &f
	}
	return text, number, true
}

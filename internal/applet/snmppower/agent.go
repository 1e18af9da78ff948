package snmppower

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/applet/snmppower/mib"
)

// agent is a conversation with an SNMP agent: a try each second, six in all, as
// net-snmp's tools do.
type agent struct{ *gosnmp.GoSNMP }

const minPassphrase = 8 // RFC 3414, section 11.2

// connect prepares to talk to an agent. Nothing is sent yet, but for what SNMPv3
// needs to know first.
func connect(ctx context.Context, host, how, name, passphrase string) (*agent, error) {
	network, host, port, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	g := &gosnmp.GoSNMP{
		Target: host, Port: port, Transport: network, Context: ctx, Community: name,
		Timeout: time.Second, Retries: 5, MaxOids: gosnmp.MaxOids,
	}
	switch how {
	case "start_v1":
		g.Version = gosnmp.Version1
	case "start_v2c":
		g.Version = gosnmp.Version2c
	default:
		if len(passphrase) < minPassphrase {
			return nil, fmt.Errorf("the passphrase has fewer than %d characters", minPassphrase)
		}
		g.Version, g.Community = gosnmp.Version3, ""
		g.SecurityModel, g.MsgFlags = gosnmp.UserSecurityModel, gosnmp.AuthNoPriv
		g.SecurityParameters = &gosnmp.UsmSecurityParameters{UserName: name, AuthenticationProtocol: gosnmp.MD5, AuthenticationPassphrase: passphrase}
	}
	if err := g.Connect(); err != nil {
		return nil, fmt.Errorf("reach %s: %w", host, err)
	}
	return &agent{g}, nil
}

func (a *agent) close() { _ = a.Conn.Close() }

// parseHost reads "[udp:|udp6:|tcp:|tcp6:]HOST[:PORT]".
func parseHost(text string) (network, host string, port uint16, err error) {
	network, host = "udp", text
	for _, n := range []string{"udp", "udp6", "tcp", "tcp6"} {
		if rest, found := strings.CutPrefix(text, n+":"); found {
			network, host = n, rest
		}
	}
	port = 161
	if h, p, err := net.SplitHostPort(host); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return "", "", 0, fmt.Errorf("'%s' is no port", p)
		}
		host, port = h, uint16(n)
	}
	host = strings.Trim(host, "[]")
	if host == "" {
		return "", "", 0, errors.New("no host: -h is needed")
	}
	return network, host, port, nil
}

// refusal is an error status of an agent.
type refusal struct{ status gosnmp.SNMPError }

func (r refusal) Error() string { return "the agent refuses: " + r.status.String() }

func (a *agent) get(oid mib.OID) (gosnmp.SnmpPDU, error) {
	p, err := a.Get([]string{oid.String()})
	return single(oid, p, err)
}

func (a *agent) set(oid mib.OID, v gosnmp.SnmpPDU) (gosnmp.SnmpPDU, error) {
	p, err := a.Set([]gosnmp.SnmpPDU{v})
	return single(oid, p, err)
}

// single gives the one value of an answer, which must be what was asked for.
func single(oid mib.OID, p *gosnmp.SnmpPacket, err error) (gosnmp.SnmpPDU, error) {
	switch {
	case err != nil && strings.Contains(err.Error(), "request timeout"):
		return gosnmp.SnmpPDU{}, errors.New("Timeout: no response") //nolint:staticcheck // the word that net-snmp's users know
	case err != nil:
		return gosnmp.SnmpPDU{}, err
	case p.Error != gosnmp.NoError:
		return gosnmp.SnmpPDU{}, refusal{p.Error}
	case len(p.Variables) != 1 || "."+strings.TrimPrefix(p.Variables[0].Name, ".") != oid.String():
		return gosnmp.SnmpPDU{}, errors.New("the agent answers for another object")
	}
	return p.Variables[0], nil
}

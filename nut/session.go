package nut

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// session is one client of a server.
type session struct {
	server *Server
	conn   net.Conn
	limits Limits
	r      *bufio.Reader

	secure             bool
	username, password *string
	leave              func() // logs out; nil while not logged in
	over               bool
}

func newSession(s *Server, conn net.Conn, limits Limits) *session {
	return &session{server: s, conn: conn, limits: limits, r: bufio.NewReaderSize(conn, MaxRequest)}
}

// serve answers until the client leaves. What it writes is bounded by what the
// handler has: one answer at a time.
func (s *session) serve(ctx context.Context) {
	defer func() {
		if s.leave != nil {
			s.leave()
		}
	}()
	tooLong := false
	for !s.over {
		_ = s.conn.SetReadDeadline(time.Now().Add(s.limits.Idle))
		line, err := s.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true // and is dropped to its end
			continue
		}
		if err != nil {
			return
		}
		words, err := Split(strings.TrimRight(string(line), "\r\n"))
		switch {
		case err != nil, tooLong:
			tooLong = false
			s.refuse(InvalidArgument)
		case len(words) == 0:
			s.refuse(UnknownCommand)
		default:
			s.answer(ctx, words)
		}
	}
}

// write sends lines in one write.
func (s *session) write(lines ...string) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.limits.WriteTime))
	if _, err := s.conn.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		s.over = true
	}
}

func (s *session) refuse(code Code) { s.write("ERR " + string(code)) }

// finish answers OK, or why not; other is told for an error that is no code.
func (s *session) finish(err error, other Code, ok string) {
	if err != nil {
		s.refuse(codeOf(err, other))
		return
	}
	s.write(ok)
}

func codeOf(err error, other Code) Code {
	var code Code
	if errors.As(err, &code) {
		return code
	}
	return other
}

// answer does what one line asks. Verbs are understood in any case, as upsd does.
func (s *session) answer(ctx context.Context, words []string) {
	verb, args := strings.ToUpper(words[0]), words[1:]
	switch verb {
	case "VER":
		s.write(printable(s.server.version()))
	case "NETVER", "PROTVER":
		s.write("1.3")
	case "HELP":
		s.write("Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD PRIMARY FSD STARTTLS")
	case "LOGOUT", "DETACH":
		s.write("OK Goodbye")
		s.over = true
	case "STARTTLS":
		s.startTLS(ctx)
	case "USERNAME":
		s.take(args, &s.username, AlreadySetUsername)
	case "PASSWORD":
		s.take(args, &s.password, AlreadySetPassword)
	case "GET":
		s.get(ctx, args)
	case "LIST":
		s.list(ctx, args)
	case "LOGIN", "ATTACH", "PRIMARY", "MASTER", "FSD", "SET", "INSTCMD":
		s.change(ctx, verb, args)
	default:
		s.refuse(UnknownCommand)
	}
}

func (s *session) take(args []string, into **string, already Code) {
	switch {
	case len(args) != 1:
		s.refuse(InvalidArgument)
	case *into != nil:
		s.refuse(already)
	default:
		*into = &args[0]
		s.write("OK")
	}
}

// startTLS changes over to TLS. Who had said who they were in clear has to say it again.
func (s *session) startTLS(ctx context.Context) {
	switch {
	case s.secure:
		s.refuse(AlreadyTLS)
		return
	case s.server.TLS == nil:
		s.refuse(FeatureNotConfigured)
		return
	case s.r.Buffered() > 0:
		s.over = true
		return
	}
	s.write("OK STARTTLS")
	ctx, cancel := context.WithTimeout(ctx, s.limits.WriteTime)
	defer cancel()
	secured := tls.Server(s.conn, s.server.TLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		s.server.log().Info("a client of the UPS server failed at TLS", "remote", s.remote(), "error", err)
		s.over = true
		return
	}
	s.conn, s.r, s.secure = secured, bufio.NewReaderSize(secured, MaxRequest), true
	s.username, s.password = nil, nil
}

// change does what may change something, and needs a user.
func (s *session) change(ctx context.Context, verb string, args []string) {
	r := Request{UPS: at(args, 0), Remote: s.remote()}
	ok, other, fits := "OK", DriverNotConnected, len(args) == 1
	switch verb {
	case "LOGIN", "ATTACH":
		r.Verb = VerbLogin
	case "PRIMARY", "MASTER":
		r.Verb, ok = VerbPrimary, "OK "+verb+"-GRANTED"
	case "FSD":
		r.Verb, ok = VerbShutdown, "OK FSD-SET"
	case "INSTCMD":
		r.Verb, r.Name, r.Value = VerbCommand, at(args, 1), at(args, 2)
		fits, other = len(args) == 2 || len(args) == 3, CommandFailed
	case "SET":
		if strings.EqualFold(at(args, 0), "TRACKING") {
			s.refuse(FeatureNotConfigured)
			return
		}
		r.Verb, r.UPS, r.Name, r.Value = VerbSet, at(args, 1), at(args, 2), at(args, 3)
		fits, other = len(args) == 4 && strings.EqualFold(args[0], "VAR"), SetFailed
	}
	switch {
	case !fits:
		s.refuse(InvalidArgument)
		return
	case s.username == nil:
		s.refuse(UsernameRequired)
		return
	case s.password == nil:
		s.refuse(PasswordRequired)
		return
	case r.Verb == VerbLogin && s.leave != nil:
		s.refuse(AlreadyLoggedIn)
		return
	}
	r.Username, r.Password = *s.username, *s.password
	err := s.server.Handler.Do(ctx, r)
	if err == nil && r.Verb == VerbLogin {
		s.leave = s.server.enter(login{r.UPS, r.Remote})
	}
	s.finish(err, other, ok)
}

func (s *session) remote() string {
	host, _, err := net.SplitHostPort(s.conn.RemoteAddr().String())
	if err != nil {
		return s.conn.RemoteAddr().String()
	}
	return host
}

// get answers with one value.
func (s *session) get(ctx context.Context, args []string) {
	what, ups := strings.ToUpper(at(args, 0)), at(args, 1)
	wants := 3
	switch what {
	case "UPSDESC", "NUMLOGINS":
		wants = 2
	case "VAR", "TYPE", "DESC", "CMDDESC":
	case "TRACKING":
		s.write("OFF")
		return
	default:
		wants = -1
	}
	if len(args) != wants {
		s.refuse(InvalidArgument)
		return
	}
	value, err := s.value(ctx, what, ups, at(args, 2))
	s.finish(err, DriverNotConnected, strings.TrimRight(what+" "+shown(ups)+" "+shown(at(args, 2)), " ")+" "+value)
}

func (s *session) value(ctx context.Context, what, ups, name string) (string, error) {
	h := s.server.Handler
	all := h.UPSes(ctx)
	i := slices.IndexFunc(all, func(u UPS) bool { return u.Name == ups })
	if i < 0 {
		return "", UnknownUPS
	}
	switch what {
	case "UPSDESC":
		return said(all[i].Description, "Unavailable"), nil
	case "NUMLOGINS":
		return fmt.Sprint(len(s.server.loggedIn(ups))), nil
	case "CMDDESC":
		commands, err := h.Commands(ctx, ups)
		for _, c := range commands {
			if c.Name == name {
				return said(c.Description, "Description unavailable"), err
			}
		}
		return `"Unavailable"`, err
	}
	vars, err := h.Vars(ctx, ups)
	if err != nil {
		return "", err
	}
	for _, v := range vars {
		switch {
		case v.Name != name:
		case what == "VAR":
			return said(v.Value, ""), nil
		case what == "DESC":
			return said(v.Description, "Description unavailable"), nil
		case v.Writable:
			return "RW STRING:1024", nil
		default:
			return "STRING:1024", nil
		}
	}
	return "", VarNotSupported
}

// list answers with many.
func (s *session) list(ctx context.Context, args []string) {
	kind, ups := strings.ToUpper(at(args, 0)), at(args, 1)
	wants := map[string]int{"UPS": 1, "VAR": 2, "RW": 2, "CMD": 2, "CLIENT": 2, "ENUM": 3, "RANGE": 3}[kind]
	if wants == 0 || len(args) != wants {
		s.refuse(InvalidArgument)
		return
	}
	head := kind
	if kind != "UPS" {
		head = strings.TrimRight(kind+" "+shown(ups)+" "+shown(at(args, 2)), " ")
	}
	rows, err := s.rows(ctx, kind, ups)
	if err != nil {
		s.refuse(codeOf(err, DriverNotConnected))
		return
	}
	lines := []string{"BEGIN LIST " + head}
	for _, row := range rows {
		lines = append(lines, head+" "+row)
	}
	s.write(append(lines, "END LIST "+head)...)
}

func (s *session) rows(ctx context.Context, kind, ups string) (rows []string, err error) {
	h := s.server.Handler
	all := h.UPSes(ctx)
	if kind == "UPS" {
		for _, u := range all {
			rows = append(rows, shown(u.Name)+" "+said(u.Description, "Unavailable"))
		}
		return rows, nil
	}
	if !slices.ContainsFunc(all, func(u UPS) bool { return u.Name == ups }) {
		return nil, UnknownUPS
	}
	switch kind {
	case "CLIENT":
		return s.server.loggedIn(ups), nil
	case "CMD":
		commands, err := h.Commands(ctx, ups)
		for _, c := range commands {
			rows = append(rows, shown(c.Name))
		}
		return rows, err
	case "VAR", "RW":
		vars, err := h.Vars(ctx, ups)
		for _, v := range vars {
			if kind == "VAR" || v.Writable {
				rows = append(rows, shown(v.Name)+" "+said(v.Value, ""))
			}
		}
		return rows, err
	}
	return nil, nil // no variable has an enumeration or a range
}

// shown is a name in an answer.
func shown(word string) string {
	word = printable(word)
	if word == "" || bare(word) {
		return word
	}
	return Quote(word)
}

// said is a value in an answer, or what stands for none.
func said(value, otherwise string) string {
	if value == "" {
		value = otherwise
	}
	return Quote(printable(value))
}

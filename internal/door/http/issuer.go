package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/room"
)

// Issuer is where browsers are sent to log in; auth/oidc has one.
type Issuer interface {
	// Begin gives the state of a log-in and the address to send the browser to.
	Begin(ctx context.Context, redirect string) (state, address string, err error)
	// Finish gives the ID token: cookie is the state that the browser kept.
	Finish(ctx context.Context, cookie, state, code string) (raw string, err error)
}

// The way of a log-in with an issuer.
const (
	issuerPath   = "/v1/session/oidc"
	finishPath   = issuerPath + "/callback"
	issuerCookie = "millwright_oidc"
)

type finishInput struct {
	State string `query:"state" doc:"What the log-in began with." maxLength:"512"`
	Code  string `query:"code" doc:"What the issuer gives." maxLength:"4096"`
	// These are the issuer's too, and tell nothing that the code does not.
	Issuer  string `query:"iss" doc:"The issuer." maxLength:"2048"`
	Session string `query:"session_state" doc:"The issuer's own." maxLength:"2048"`
	Scope   string `query:"scope" doc:"The issuer's own." maxLength:"2048"`
	Error   string `query:"error" doc:"Why the issuer does not." maxLength:"512"`
	Said    string `query:"error_description" doc:"The same in words." maxLength:"2048"`
}

func (d *Door) registerIssuer() {
	register(d, route{
		method: http.MethodGet, path: issuerPath, id: "log-in-with-issuer", tag: tagSession, public: true, errors: []int{404},
		summary: "Log a browser in with the room's issuer", doc: "Sends the browser to the issuer that the room names (OpenID Connect), which sends it back.",
		answers: map[int]map[string]any{303: nil},
	}, func(context.Context, *struct{}) (*raw, error) { return written(d.beginIssuer), nil })
	register(d, route{
		method: http.MethodGet, path: finishPath, id: "finish-log-in-with-issuer", tag: tagSession, public: true, errors: []int{401, 404},
		summary: "Come back from the issuer", doc: "Where the issuer sends the browser: begins its session and goes on to the first page.",
		answers: map[int]map[string]any{200: {"text/html": ""}},
	}, func(_ context.Context, in *finishInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.finishIssuer(w, r, in) }), nil
	})
}

// issuer gives the issuer, or says that there is none.
func (d *Door) issuer() (Issuer, error) {
	if d.opts.Issuer != nil && d.opts.Auth != nil {
		if i := d.opts.Issuer(); i != nil {
			return i, nil
		}
	}
	return nil, &room.Error{Code: room.CodeNotFound, Op: "log in", Said: "the room names no issuer"}
}

func (d *Door) beginIssuer(w http.ResponseWriter, r *http.Request) {
	issuer, err := d.issuer()
	if err != nil {
		refuse(w, err)
		return
	}
	state, address, err := issuer.Begin(r.Context(), "https://"+r.Host+finishPath) // the host has been looked at
	if err != nil {
		refuse(w, &room.Error{Code: room.CodeBusy, Op: "log in", Said: "the issuer cannot be asked now", Err: err})
		return
	}
	// It must come back with a request that another site makes the browser send.
	http.SetCookie(w, &http.Cookie{
		Name: issuerCookie, Value: state, Path: finishPath, MaxAge: 600,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Location", address) // the issuer's, as the room names it
	w.WriteHeader(http.StatusSeeOther)
}

func (d *Door) finishIssuer(w http.ResponseWriter, r *http.Request, in *finishInput) {
	issuer, err := d.issuer()
	if err != nil {
		refuse(w, err)
		return
	}
	cookie := ""
	if c, err := r.Cookie(issuerCookie); err == nil {
		cookie = c.Value
	}
	http.SetCookie(w, &http.Cookie{Name: issuerCookie, Path: finishPath, MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
	if in.Error != "" {
		challenge(w, &room.Error{Code: room.CodeRefused, Op: "log in", Said: "the issuer says: " + shortened(in.Error+" "+in.Said, 300)})
		return
	}
	token, err := issuer.Finish(r.Context(), cookie, in.State, in.Code)
	if err != nil {
		challenge(w, &room.Error{Code: room.CodeRefused, Op: "log in", Said: err.Error(), Err: err})
		return
	}
	who, err := d.opts.Auth.OIDC(r.Context(), token, r.RemoteAddr)
	if err != nil {
		challenge(w, err)
		return
	}
	d.sessions.end(cookieOf(r))
	session, age := d.sessions.begin(who)
	setCookie(w, session, age)
	// A page, and not a redirect: the session's cookie is not sent on the way that
	// began at another site.
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Refresh", "0; url=/docs")
	_, _ = w.Write([]byte("<!doctype html><title>Millwright</title><p>You are logged in. <a href=\"/docs\">Go on</a>."))
}

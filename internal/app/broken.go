package app

import "fmt"

// setBroken notes that the files could not be used and an older revision runs.
func (a *App) setBroken(revision int64, why error) {
	text := fmt.Sprintf("revision %d runs instead of the files, which are broken: %v", revision, why)
	const most = 2000 // a room can have very many problems
	if len(text) > most {
		text = text[:most] + "…"
	}
	a.broken.Store(&text)
}

// whyBroken says why what runs is not what the files say; "" if it is.
func (a *App) whyBroken() string {
	if why := a.broken.Load(); why != nil {
		return *why
	}
	return ""
}

package wire

import "time"

// Self is who asks, and what they may do: GET /v1/whoami.
type Self struct {
	Who
	Known     bool     `json:"known" doc:"Whether Millwright itself keeps a user of that name."`
	OwnGroups []string `json:"own_groups,omitempty" doc:"The groups that Millwright itself puts them into."`
	Role      string   `json:"role" doc:"What they may do in the room as a whole." enum:"none,view,operate,configure,admin" example:"view"`
	View      string   `json:"view,omitempty" doc:"The nodes that they may see, as a folded host list." example:"web[1-4]"`
	Operate   string   `json:"operate,omitempty" doc:"The nodes that they may switch, as a folded host list." example:"web1"`
	Grants    []Grant  `json:"grants,omitempty" doc:"The grants that give them this. What comes by default is not among them."`
}

// User is one user.
type User struct {
	Name     string    `json:"name" doc:"The name to log in with." example:"alice"`
	Groups   []string  `json:"groups,omitempty" doc:"The groups that the user is in."`
	Password bool      `json:"password" doc:"Whether there is a password to log in with."`
	Disabled bool      `json:"disabled,omitempty" doc:"Whether the user is shut out."`
	Created  time.Time `json:"created" doc:"Since when there is the user."`
}

// Users lists users.
type Users struct {
	Items []User `json:"items" doc:"By name." nullable:"false"`
}

// NewUser says what a user shall be.
type NewUser struct {
	Name     string   `json:"name" doc:"The name to log in with." maxLength:"128" example:"alice"`
	Password string   `json:"password,omitempty" doc:"The password, of 8 characters at least. Without one the user comes by tokens, certificates, an issuer, or the socket." maxLength:"1024"`
	Groups   []string `json:"groups,omitempty" doc:"The groups that the user is in." maxItems:"100"`
}

// Password is a new password.
type Password struct {
	Password string `json:"password" doc:"The new one, of 8 characters at least." maxLength:"1024"`
}

// UserChange says what of a user shall be different. What is not given stays.
type UserChange struct {
	Groups   *[]string `json:"groups,omitempty" doc:"The groups that the user is in, all of them." maxItems:"100"`
	Disabled *bool     `json:"disabled,omitempty" doc:"Whether the user is shut out, with all tokens."`
}

// NewCertificate asks for a certificate of a user.
type NewCertificate struct {
	Days int `json:"days" doc:"How long it lasts." minimum:"1" maximum:"1825" example:"365"`
}

// Certificate is a certificate with which a user can log in. Nothing of it is kept.
type Certificate struct {
	Certificate string `json:"certificate" doc:"The certificate, in PEM."`
	Key         string `json:"key" doc:"Its key, in PEM. It is shown this once."`
	Authority   string `json:"authority" doc:"The certificate of the authority, in PEM."`
	Fingerprint string `json:"fingerprint" doc:"The SHA-256 of the authority's certificate."`
}

// Token is one API token, without its text.
type Token struct {
	ID      string    `json:"id" doc:"Its name, which stands in events." example:"k4mz7qpa"`
	Owner   string    `json:"owner" doc:"The user whose it is." example:"alice"`
	Note    string    `json:"note,omitempty" doc:"What it is for." example:"backup script"`
	Created time.Time `json:"created" doc:"When it was made."`
	Expires time.Time `json:"expires,omitzero" doc:"When it ends. Nothing for never."`
	Used    time.Time `json:"used,omitzero" doc:"When it was used last. Nothing for never."`
	Grants  []Grant   `json:"grants,omitempty" doc:"What bounds it: it allows what one of these allows and its owner may."`
}

// Tokens lists tokens.
type Tokens struct {
	Items []Token `json:"items" doc:"By owner." nullable:"false"`
}

// NewToken says what a token shall be.
type NewToken struct {
	Owner string `json:"owner,omitempty" doc:"The user whose it is; who asks, if nothing is said." maxLength:"128" example:"alice"`
	Role  string `json:"role" doc:"The most that it allows." enum:"view,operate,configure,admin" example:"operate"`
	Nodes string `json:"nodes,omitempty" doc:"The nodes on which it does; all, if nothing is said." maxLength:"16384" example:"@rack1"`
	Note  string `json:"note,omitempty" doc:"What it is for." maxLength:"200" example:"backup script"`
	Days  int    `json:"days,omitempty" doc:"How long it lasts; for ever, if nothing is said." minimum:"0" maximum:"36500" example:"90"`
}

// MadeToken is a new token with its text.
type MadeToken struct {
	Token
	Text string `json:"token" doc:"What is sent as Authorization: Bearer. It is shown this once." example:"mw_…"`
}

// Grant gives a role on nodes.
type Grant struct {
	Principal string    `json:"principal" doc:"Who has it: user:NAME, group:NAME, token:ID, or door:NAME for whoever comes through that door without saying who they are." maxLength:"140" example:"user:alice"`
	Role      string    `json:"role" doc:"What they may do." enum:"view,operate,configure,admin" example:"operate"`
	Nodes     string    `json:"nodes" doc:"On which nodes. Configure and admin are about the room and take @all." maxLength:"16384" example:"@rack1"`
	Created   time.Time `json:"created,omitzero" doc:"When it was given."`
	Author    string    `json:"author,omitempty" doc:"Who gave it."`
}

// Grants lists grants.
type Grants struct {
	Items []Grant `json:"items" doc:"By principal." nullable:"false"`
}

// Removed tells how many grants were taken away.
type Removed struct {
	Count int `json:"count" doc:"How many there were." example:"1"`
}

package roomfile_test

import (
	"strings"
	"testing"

	"millwright.dev/millwright/internal/roomfile"
)

func TestLinesShowNoSecrets(t *testing.T) {
	for line, shown := range map[string]string{
		`settings: {password: "hunter2 x", address: h}`: `settings: {password: "*********", address: h}`,
		`  Password: hunter2, a: b`:                     `  Password: *******, a: b`,
		`  'api_token' : 'hunter2'`:                     `  'api_token' : '*******'`,
		`{kg: hunter2}`:                                 `{kg: *******}`,
		`address: "https://root:hunter2@h/"`:            `address: "https://root:*******@h/"`,
		`via: "ssh://root:hunt@er2@h:22"`:               `via: "ssh://root:****@***@h:22"`,
		`via: "ssh://root@h:22/x"`:                      `via: "ssh://root@h:22/x"`,
		`password: "secret:bmc", user: root`:            `password: "secret:bmc", user: root`,
		`password:`:                                     `password:`,
		`notes: the keys are in the drawer`:             `notes: the keys are in the drawer`,
	} {
		var out strings.Builder
		ps := roomfile.Problems{{File: "room.yaml", Line: 1, Col: 3, Msg: "wrong", Text: line}}
		if err := ps.Render(&out, false); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(strings.Split(out.String(), "\n")[1], "    "); got != shown {
			t.Errorf("%s\nis shown as\n%s, and not as\n%s", line, got, shown)
		}
	}
}

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const completionRoom = `room: lab
devices:
  pdu1: {driver: manual, settings: {plugs: ["1", "2", "3", "4"]}}
nodes:
  web[1-3]: {cords: "pdu1:[1-3]"}
  db1: {cords: "pdu1:4"}
groups: {rack1: "web[1-2]", rack2: "db1"}
aliases: {front: web1}
`

// completing gives the environment of somebody who completes without a daemon.
func completing(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	room := filepath.Join(dir, "room.yaml")
	if err := os.WriteFile(room, []byte(completionRoom), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"MILLWRIGHT_SOCKET=" + filepath.Join(dir, "none"), "MILLWRIGHT_CONFIG=" + room, "HOME=" + dir, "TERM=xterm", "LANG=C.UTF-8", "MILLWRIGHT_SERVER="}
}

// completions are lines that were typed up to the tab key, and what is then offered;
// with one thing to offer, that is how the line goes on.
var completions = []struct {
	typed string
	want  []string
}{
	{"millwright stat", []string{"status"}},
	{"millwright off d", []string{"db1"}},
	{"millwright off web", []string{"web1", "web2", "web3"}},
	{"millwright off web1,d", []string{"web1,db1"}},
	{"millwright off fr", []string{"front"}},
	{"millwright off @rack", []string{"@rack1", "@rack2"}},
	{"millwright off @al", []string{"@all"}},
	{"millwright off @all,-d", []string{"@all,-db1"}},
	{"millwright off web1,@al", []string{"web1,@all"}},
	{"millwright off web[1-2],d", []string{"db1"}},
	{"millwright off 'web[1-2],d", []string{"'web[1-2],db1'"}},
	{"millwright status --col", []string{"--color"}},
	{"millwright status --color=al", []string{"--color=always"}},
	{"millwright grant add user:x oper", []string{"operate"}},
	{"millwright devspec show apc-cli-s", []string{"apc-cli-ssh"}},
	{"millwright devices web3 d", []string{"web3 db1"}},
}

func TestCompletionInBash(t *testing.T) { completeOn(t, startBash) }
func TestCompletionInZsh(t *testing.T)  { completeOn(t, startZsh) }

func startBash(t *testing.T) *exec.Cmd {
	t.Helper()
	rc := filepath.Join(t.TempDir(), "rc")
	text := ". /usr/share/bash-completion/bash_completion\nsource <(millwright completion bash)\nPS1='ready> '\n" +
		"bind 'set bell-style none'\nbind 'set show-all-if-ambiguous on'\nbind 'set enable-bracketed-paste off'\nbind 'set page-completions off'\n"
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command("bash", "--noprofile", "--rcfile", rc, "-i")
}

func startZsh(t *testing.T) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	text := "autoload -U compinit; compinit -u -D\nsource <(millwright completion zsh)\nPS1='ready> '\nunsetopt beep zle_bracketed_paste list_ambiguous 2>/dev/null\nsetopt auto_list\n"
	if err := os.WriteFile(filepath.Join(dir, ".zshrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("zsh", "-d", "-i")
	cmd.Env = []string{"ZDOTDIR=" + dir}
	return cmd
}

// completeOn types each line into one shell on a terminal.
func completeOn(t *testing.T, start func(*testing.T) *exec.Cmd) {
	t.Helper()
	cmd := start(t)
	cmd.Env = append(append(os.Environ(), cmd.Env...), completing(t)...)
	term := onTerminal(t, 200, 50, cmd)
	term.await("ready> ")
	for _, c := range completions {
		term.forget()
		term.send(c.typed + "\t")
		term.await(c.want...)
		term.forget()
		term.send("\x15\n") // away with the line
		term.await("ready> ")
	}
}

func TestCompletionInFish(t *testing.T) {
	env := completing(t)
	for _, c := range completions {
		line := strings.ReplaceAll(strings.ReplaceAll(c.typed, `\`, `\\`), `'`, `\'`)
		got, err := call(t, env, "fish", "--no-config", "-c", "millwright completion fish | source; complete -C '"+line+"'")
		if err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		for _, want := range c.want {
			want = strings.Trim(want[strings.LastIndex(want, " ")+1:], "'")
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not offered, but:\n%s", c.typed, want, got)
			}
		}
	}
}

// Nothing that is typed is evaluated while it is completed, and nothing is ever
// printed into the line that is being typed.
func TestCompletionIsHarmless(t *testing.T) {
	env := completing(t)
	bait := filepath.Join(t.TempDir(), "bait")
	cmd := startBash(t)
	cmd.Env = append(os.Environ(), env...)
	term := onTerminal(t, 200, 50, cmd)
	term.await("ready> ")
	term.send("millwright off $(touch " + bait + "),d\t\x15echo still $((6*7))\n")
	term.await("still 42")
	if _, err := os.Stat(bait); err == nil {
		t.Error("what was typed has been run")
	}
	for _, args := range [][]string{{"off", "w"}, {"run", "show", ""}, {"secret", "set", ""}, {"answer", ""}, {"grant", "list", ""}, {"config", "diff", ""}} {
		got, err := call(t, append(env, "MILLWRIGHT_CONFIG=/nowhere"), "millwright", append([]string{"__completeNoDesc"}, args...)...)
		if err != nil || strings.Contains(got, "millwright:") || strings.Contains(got, "daemon") {
			t.Errorf("%v without anything to ask: %v: %q", args, err, got)
		}
	}
}

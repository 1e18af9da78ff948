package sim

import (
	"strconv"
	"strings"
	"time"
)

// menu is a make with numbered menus on telnet, where escape goes back and
// each change wants a "YES": the APC MasterSwitch family. Relays move after the
// answer, as on the real ones. "menu" has the menus of firmware 3 (Debian's
// apc7900v3.dev), "menu2" those of firmware 2 (apc7900.dev).
type menu struct {
	name    string
	version string
	manager []string // entries of the device manager
	outlets string   // the entry that leads to the outlets
	deeper  bool     // there is one more menu in between
}

func menu3() menu {
	return menu{
		name: "menu", version: "v3.7.0", outlets: "2", deeper: true,
		manager: []string{"Phase Management", "Outlet Management", "Power Supply Status"},
	}
}

func menu2() menu {
	return menu{
		name: "menu2", version: "v2.7.3", outlets: "3",
		manager: []string{"Phase Monitor/Configuration", "Outlet Restriction Configuration", "Outlet Control/Configuration", "Power Supply Status"},
	}
}

func (m menu) Name() string { return m.name }

func (m menu) Serve(t *Terminal) error {
	t.Telnet()
	t.Keys()
	if err := m.login(t); err != nil {
		return left(err)
	}
	t.Print("\r\n\r\nRack PDU Network Management Card            APP ", m.version, "\r\n",
		"-------------------------------------------------------------------------------\r\n",
		"Name      : ", t.Unit().Name(), "\r\n")
	return left(m.console(t))
}

func (menu) login(t *Terminal) error {
	for range attempts {
		t.Print("\r\n\rUser Name : ")
		user, err := t.Line()
		if err != nil {
			return err
		}
		t.Print("\rPassword  : ")
		password, err := t.Secret()
		if err != nil {
			return err
		}
		t.Print(strings.Repeat("*", min(len(password), 32)), "\r\n")
		if t.Accepts(Login{user, password}, Login{"apc", "apc"}) {
			return nil
		}
	}
	t.Print("\r\nToo many wrong passwords.\r\n")
	return errLeft
}

// page shows a screen until escape is pressed. choose gets each other key but
// plain Enter, which shows the screen again.
func page(t *Terminal, title string, draw func(), choose func(key string) error) error {
	for {
		t.Print("\r\n------- ", title, " ", strings.Repeat("-", max(3, 70-len(title))), "\r\n\r\n")
		draw()
		t.Print("\r\n     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> ")
		key, err := t.Line()
		switch {
		case err != nil:
			return err
		case key == Escape:
			return nil
		case key == "":
			continue
		}
		if err := choose(key); err != nil {
			return err
		}
	}
}

// entries draws a numbered menu.
func entries(t *Terminal, labels ...string) func() {
	return func() {
		for i, l := range labels {
			t.Print("     ", strconv.Itoa(i+1), "- ", l, "\r\n")
		}
	}
}

func (m menu) console(t *Terminal) error {
	for {
		err := page(t, "Control Console", entries(t, "Device Manager", "Network", "System", "Logout"), func(key string) error {
			switch key {
			case "1":
				return m.deviceManager(t)
			case "4":
				return errLeft
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func (m menu) deviceManager(t *Terminal) error {
	return page(t, "Device Manager", entries(t, m.manager...), func(key string) error {
		switch {
		case key != m.outlets:
			return nil
		case m.deeper:
			return m.management(t)
		}
		return m.list(t)
	})
}

func (m menu) management(t *Terminal) error {
	return page(t, "Outlet Management", entries(t, "Outlet Control/Configuration", "Outlet Restriction"), func(key string) error {
		if key == "1" {
			return m.list(t)
		}
		return nil
	})
}

// list shows all outlets with their states; the number after the last outlet
// stands for all.
func (m menu) list(t *Terminal) error {
	u := t.Unit()
	draw := func() {
		for i := range u.Len() {
			number := strconv.Itoa(i + 1)
			t.Print("     ", number, "- Outlet ", number, pad(number, 18), outletWord(u, i, "ON", "OFF"), "\r\n")
		}
		t.Print("     ", strconv.Itoa(u.Len()+1), "- Master Control/Configuration\r\n")
	}
	return page(t, "Outlet Control/Configuration", draw, func(key string) error {
		n, err := strconv.Atoi(key)
		if err != nil || n < 1 || n > u.Len()+1 {
			return nil
		}
		return m.outlet(t, n-1)
	})
}

// outletWord is the state of an outlet as a panel shows it.
func outletWord(u *Unit, i int, on, off string) string {
	switch {
	case u.Bad(i):
		return "ERROR"
	case u.Says(i):
		return on
	}
	return off
}

// outlet is the menu of outlet i, or of all if there is no outlet i.
func (m menu) outlet(t *Terminal, i int) error {
	title := "Outlet " + strconv.Itoa(i+1)
	if i == t.Unit().Len() {
		title = "Master"
	}
	return page(t, title, entries(t, "Control Outlet", "Configure Outlet"), func(key string) error {
		if key == "1" {
			return m.control(t, title, i)
		}
		return nil
	})
}

var menuCommands = [...]string{
	"Immediate On", "Immediate Off", "Immediate Reboot",
	"Delayed On", "Delayed Off", "Delayed Reboot", "Cancel",
}

func (m menu) control(t *Terminal, title string, i int) error {
	return page(t, "Control "+title, entries(t, menuCommands[:]...), func(key string) error {
		n, err := strconv.Atoi(key)
		if err != nil || n < 1 || n > len(menuCommands) {
			return nil
		}
		t.Print("\r\n        ", menuCommands[n-1], "\r\n\r\n        Enter 'YES' to continue or <ENTER> to cancel : ")
		sure, err := t.Line()
		if err != nil {
			return err
		}
		if sure != "YES" {
			return nil
		}
		message := "Command successfully issued."
		if err := m.perform(t, i, n); err != nil {
			message = "Command failed: " + err.Error() + "."
		}
		t.Print("\r\n        ", message, "\r\n\r\n        Press <ENTER> to continue...")
		_, err = t.Line()
		return err
	})
}

// menuReboot is how long a reboot keeps an outlet off.
const menuReboot = 5 * time.Second

// perform carries out a command by its number in menuCommands.
func (menu) perform(t *Terminal, i, command int) error {
	u := t.Unit()
	turn := func(on bool) error {
		if i == u.Len() {
			return u.SwitchAll(on)
		}
		return u.Switch(i, on)
	}
	switch command {
	case 1, 4:
		return turn(true)
	case 2, 5:
		return turn(false)
	case 3, 6:
		if err := turn(false); err != nil {
			return err
		}
		if err := t.Pause(menuReboot); err != nil {
			return err
		}
		return turn(true)
	}
	return nil
}

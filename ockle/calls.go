package ockle

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ockle/ini"
)

// params gives the parameters of a command: keys and texts in turn.
func params(pairs ...string) Values {
	v := make(Values, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		v = append(v, Value{Key: pairs[i], Text: pairs[i+1]})
	}
	return v
}

// decode calls a command and reads the JSON of one key of its answer.
func (c *Client) decode(ctx context.Context, into any, key, command string, pairs ...string) error {
	values, err := c.Call(ctx, command, params(pairs...))
	if err != nil {
		return err
	}
	if err := values.unmarshal(key, into); err != nil {
		return fmt.Errorf("asking Ockle at %s to %s: %w", c.Addr, command, err)
	}
	return nil
}

// text calls a command and gives one key of its answer.
func (c *Client) text(ctx context.Context, key, command string, pairs ...string) (string, error) {
	values, err := c.Call(ctx, command, params(pairs...))
	return values.Text(key), err
}

// succeed calls a command whose answer says whether it has succeeded.
func (c *Client) succeed(ctx context.Context, command string, pairs ...string) error {
	values, err := c.Call(ctx, command, params(pairs...))
	switch {
	case err != nil:
		return err
	case strings.EqualFold(values.Text(KeySucceeded), "true"):
		return nil
	}
	return &Error{Command: command, Code: CodeRefused, Message: values.Text(KeyError)}
}

// ListCommands gives the commands of the server, with a text about each.
func (c *Client) ListCommands(ctx context.Context) (Values, error) {
	return c.Call(ctx, ListCommands, nil)
}

// Plugins gives the plugins that there are, with a description of each.
func (c *Client) Plugins(ctx context.Context) (Values, error) {
	return c.Call(ctx, GetAvailablePlugins, nil)
}

// PDUTypes gives the types of PDUs that there are, with a description of each;
// TesterTypes and ControllerTypes do so for those.
func (c *Client) PDUTypes(ctx context.Context) (types map[string]string, err error) {
	err = c.decode(ctx, &types, KeyPDUTypes, GetAvailablePDUs)
	return types, err
}

// TesterTypes gives the types of testers.
func (c *Client) TesterTypes(ctx context.Context) (types map[string]string, err error) {
	err = c.decode(ctx, &types, KeyTesterTypes, GetAvailableTesters)
	return types, err
}

// ControllerTypes gives the types of controllers.
func (c *Client) ControllerTypes(ctx context.Context) (types map[string]string, err error) {
	err = c.decode(ctx, &types, KeyControllerTypes, GetAvailableControllers)
	return types, err
}

// Restart has the daemon start again with its files as they are now. It does not
// answer.
func (c *Client) Restart(ctx context.Context) error { return c.Send(ctx, Restart, nil) }

// Graph gives the servers and their dependencies in the language of Graphviz; see
// [Dot].
func (c *Client) Graph(ctx context.Context) (string, error) { return c.text(ctx, KeyDot, DotGraph) }

// ServerView gives the state of a server and all that it has, read from the devices.
func (c *Client) ServerView(ctx context.Context, server string) (view ServerView, known bool, err error) {
	values, err := c.Call(ctx, GetServerView, params(KeyServer, server))
	if err != nil {
		return ServerView{}, false, err
	}
	if view, known, err = ParseServerView(values); err != nil {
		err = fmt.Errorf("asking Ockle at %s for the view of %s: %w", c.Addr, server, err)
	}
	return view, known, err
}

// Configuration is a folder of configuration files: sections by the names of what
// they configure.
type Configuration map[string]Sections

// PDUs gives the configuration of all PDUs; Testers, Controllers and Servers do so
// for those.
func (c *Client) PDUs(ctx context.Context) (all Configuration, err error) {
	err = c.decode(ctx, &all, KeyPDUs, GetPDUs)
	return all, err
}

// Testers gives the configuration of all testers.
func (c *Client) Testers(ctx context.Context) (all Configuration, err error) {
	err = c.decode(ctx, &all, KeyTesters, GetTesters)
	return all, err
}

// Controllers gives the configuration of all controllers.
func (c *Client) Controllers(ctx context.Context) (all Configuration, err error) {
	err = c.decode(ctx, &all, KeyControllers, GetControllers)
	return all, err
}

// Servers gives the configuration of all servers.
func (c *Client) Servers(ctx context.Context) (all Configuration, err error) {
	err = c.decode(ctx, &all, KeyServers, GetServers)
	return all, err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// SetServer switches a server without regard to what depends on it, and gives the
// state it is in then.
func (c *Client) SetServer(ctx context.Context, server string, on bool) (State, error) {
	status, err := c.text(ctx, KeyStatus, SetServer, KeyServer, server, KeyState, onOff(on))
	return State(status), err
}

// SwitchOutlet switches one outlet of a server, and gives the state it is in then.
func (c *Client) SwitchOutlet(ctx context.Context, server, outlet string, on bool) (State, error) {
	status, err := c.text(ctx, KeyStatus, SwitchOutlet, KeyServer, server, KeyObject, outlet, KeyState, onOff(on))
	return State(status), err
}

// SwitchControl switches one control of a server, and gives the state it is in
// then.
func (c *Client) SwitchControl(ctx context.Context, server, control string, on bool) (State, error) {
	status, err := c.text(ctx, KeyStatus, SwitchControl, KeyServer, server, KeyObject, control, KeyState, onOff(on))
	return State(status), err
}

// RunTest runs one test of a server, and gives its result.
func (c *Client) RunTest(ctx context.Context, server, test string) (State, error) {
	status, err := c.text(ctx, KeyStatus, RunTest, KeyServer, server, KeyObject, test)
	return State(status), err
}

// ServerOutlets gives the outlets that are configured for a server, those in use
// first; ServerTests and ServerControls do so for those.
func (c *Client) ServerOutlets(ctx context.Context, server string) (all Sections, err error) {
	err = c.decode(ctx, &all, KeyServerOutlets, GetServerOutlets, KeyServer, server)
	return all, err
}

// ServerTests gives the tests that are configured for a server.
func (c *Client) ServerTests(ctx context.Context, server string) (all Sections, err error) {
	err = c.decode(ctx, &all, KeyServerTests, GetServerTests, KeyServer, server)
	return all, err
}

// ServerControls gives the controls that are configured for a server.
func (c *Client) ServerControls(ctx context.Context, server string) (all Sections, err error) {
	err = c.decode(ctx, &all, KeyServerControls, GetServerControls, KeyServer, server)
	return all, err
}

// DependencyMap says which servers a server may need.
func (c *Client) DependencyMap(ctx context.Context, server string) (m DependencyMap, err error) {
	err = c.decode(ctx, &m, KeyDependency, GetServerDependencyMap, KeyServer, server)
	return m, err
}

// UpdateNetwork has all states read from the devices; the answer is [Done] or
// [Busy].
func (c *Client) UpdateNetwork(ctx context.Context) (string, error) {
	return c.text(ctx, KeyStatus, UpdateNetwork)
}

// INIFile gives the text of a configuration file, by its path in the daemon's
// folder; a single blank if the daemon cannot read it.
func (c *Client) INIFile(ctx context.Context, path string) (string, error) {
	return c.text(ctx, KeyFile, GetINIFile, KeyPath, path)
}

// SetINIFile changes a configuration file. The keys that are given are set and the
// others of the same sections stay; sections that are not given are deleted.
func (c *Client) SetINIFile(ctx context.Context, path string, sections Sections) error {
	return c.succeed(ctx, SetINIFile, KeyPath, path, KeyINI, JSON(sections))
}

// DeleteINIFile deletes a configuration file.
func (c *Client) DeleteINIFile(ctx context.Context, path string) error {
	return c.succeed(ctx, DeleteINIFile, KeyPath, path)
}

// DeleteINISection deletes a section of a configuration file.
func (c *Client) DeleteINISection(ctx context.Context, path, section string) error {
	return c.succeed(ctx, DeleteINISection, KeyPath, path, KeySection, section)
}

// AutoControl reports whether the network is being switched.
func (c *Client) AutoControl(ctx context.Context) (bool, error) {
	status, err := c.text(ctx, KeyStatus, GetAutoControlStatus)
	return status == "on", err
}

// SetAutoControl sets that. Set to false, it ends the switching that is under way.
func (c *Client) SetAutoControl(ctx context.Context, on bool) error {
	return c.succeed(ctx, SetAutoControlStatus, KeyState, Bool(on))
}

// SwitchNetwork begins to switch all servers in the order of their dependencies;
// the answer is [NetworkOn], [NetworkOff] or [Busy].
func (c *Client) SwitchNetwork(ctx context.Context, on bool) (string, error) {
	return c.text(ctx, KeyStatus, SwitchNetwork, KeyState, strings.ToLower(Bool(on)))
}

// Folders are the names of the folders that hold configuration.
type Folders struct{ PDUs, Testers, Controllers, Servers string }

// Folders asks for them.
func (c *Client) Folders(ctx context.Context) (Folders, error) {
	d, err := c.INI(ctx, "config.ini")
	if err != nil {
		return Folders{}, err
	}
	f := Folders{PDUs: "outlets", Testers: "testers", Controllers: "controllers", Servers: "servers"}
	for key, into := range map[string]*string{
		"outlet_dir": &f.PDUs, "tester_dir": &f.Testers, "controller_dir": &f.Controllers, "server_dir": &f.Servers,
	} {
		if value, found := d.Get("main", key); found && value != "" {
			*into = value
		}
	}
	return f, nil
}

// INI gives a configuration file by its sections and keys.
func (c *Client) INI(ctx context.Context, path string) (*ini.Document, error) {
	text, err := c.INIFile(ctx, path)
	if err != nil {
		return nil, err
	}
	d, err := ini.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s of Ockle at %s: %w", path, c.Addr, err)
	}
	return d, nil
}

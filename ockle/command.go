package ockle

// The commands. Their names are case-sensitive. What each takes and gives is at
// the method of [Client] for it.
const (
	ListCommands            = "listCommands"
	GetAvailablePlugins     = "getAvailablePluginsList"
	GetAvailablePDUs        = "getAvailablePDUsList"
	GetAvailableTesters     = "getAvailableTestersList"
	GetAvailableControllers = "getAvailableControllersList"
	Restart                 = "restart"
	DotGraph                = "dotgraph"
	GetServerView           = "ServerView"
	GetPDUs                 = "getPDUDict"
	GetTesters              = "getTesterDict"
	GetControllers          = "getControllerDict"
	GetServers              = "getServerDict"
	SetServer               = "setServer"
	SwitchOutlet            = "switchOutlet"
	SwitchControl           = "switchControl"
	RunTest                 = "runTest"
	GetServerOutlets        = "getAvailableServerOutlets"
	GetServerTests          = "getAvailableServerTesters"
	GetServerControls       = "getAvailableServerControls"
	GetServerDependencyMap  = "getServerDependencyMap"
	UpdateNetwork           = "updateNetwork"
	GetINIFile              = "getINIFile"
	SetINIFile              = "setINIFile"
	DeleteINIFile           = "deleteINIFile"
	DeleteINISection        = "deleteINISection"
	GetAutoControlStatus    = "getAutoControlStatus"
	SetAutoControlStatus    = "setAutoControlStatus"
	SwitchNetwork           = "switchNetwork"
)

// Commands gives all commands in the order of their names' bytes.
func Commands() []string {
	return []string{
		GetServerView, DeleteINIFile, DeleteINISection, DotGraph, GetAutoControlStatus,
		GetAvailableControllers, GetAvailablePDUs, GetAvailablePlugins, GetServerControls, GetServerOutlets,
		GetServerTests, GetAvailableTesters, GetControllers, GetINIFile, GetPDUs,
		GetServerDependencyMap, GetServers, GetTesters, ListCommands, Restart,
		RunTest, SetAutoControlStatus, SetINIFile, SetServer, SwitchControl,
		SwitchNetwork, SwitchOutlet, UpdateNetwork,
	}
}

// Keys of requests and answers.
const (
	KeyServer     = "server" // a server's name
	KeyObject     = "obj"    // the name of an outlet, a control or a test of it
	KeyState      = "state"  // on or off; of switchNetwork and setAutoControlStatus, a truth value
	KeyStatus     = "status" // an answer's state
	KeyPath       = "Path"   // of a file, from the folder of the configuration
	KeyFile       = "File"   // the text of a file
	KeySection    = "Section"
	KeyINI        = "iniDict" // sections in JSON
	KeySucceeded  = "succeeded"
	KeyError      = "error"
	KeyDot        = "Dot"
	KeyDependency = "dependencyMap"

	// Each answer in JSON has a key of its own.
	KeyPDUTypes        = "PDUs"
	KeyTesterTypes     = "Testers"
	KeyControllerTypes = "Controllers"
	KeyPDUs            = "pdus"
	KeyTesters         = "testers"
	KeyControllers     = "controllers"
	KeyServers         = "servers"
	KeyServerOutlets   = "serverOutlets"
	KeyServerTests     = "serverTesters"
	KeyServerControls  = "serverControls"
)

// What commands answer.
const (
	Done       = "done"
	Busy       = "busy"
	NetworkOn  = "OK, switching on"
	NetworkOff = "OK, switching off"
)

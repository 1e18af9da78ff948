package cli

import "github.com/spf13/cobra"

// constructor makes one command.
type constructor func(*program) *cobra.Command

// The groups of the help.
const (
	groupPower  = "power"
	groupLook   = "look"
	groupKeep   = "keep"
	groupDaemon = "daemon"
)

// groups are the headings of the help, in order.
var groups = []*cobra.Group{
	{ID: groupPower, Title: "Switching:"},
	{ID: groupLook, Title: "Looking:"},
	{ID: groupKeep, Title: "Keeping the room:"},
	{ID: groupDaemon, Title: "The daemon, and files:"},
}

// commands are all commands there are, in the order of the help.
var commands = []constructor{
	upCommand, downCommand, restartCommand,
	onCommand, offCommand, cycleCommand, resetCommand, softOffCommand, diagCommand, bootCommand, beaconCommand, checkCommand, controlCommand, answerCommand,

	statusCommand, standingsCommand, whyCommand, graphCommand, impactCommand, needsCommand, neededByCommand, holdsCommand, checksCommand, readingsCommand, samplesCommand, upsCommand, batteryCommand, schedulesCommand, pluginsCommand, tempCommand, logCommand, consoleCommand, consolesCommand, bmcCommand, questionsCommand, nodesCommand, devicesCommand, eventsCommand, runsCommand, whoamiCommand,

	runCommand, holdCommand, releaseCommand, maintenanceCommand, clearCommand, reloadCommand, configCommand, revisionsCommand, secretCommand,
	userCommand, tokenCommand, grantCommand,

	serveCommand, backupCommand, restoreCommand, initCommand, doctorCommand, demoCommand, simCommand, validateCommand, convertCommand, schemaCommand, devspecCommand, pluginCommand, discoverCommand, ockleCommand, completionCommand, versionCommand,
}

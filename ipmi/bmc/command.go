package bmc

import (
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/pet"
)

// command is what a machine knows of a command before it does it.
type command struct {
	run   handler
	level Privilege // the lowest that may; 0: also before a session
	min   int       // bytes that a request must have
	// host says that it asks the host, which may take time: it runs without the lock.
	host bool
	// once says that a request which comes again gets the first answer again.
	once bool
}

// lookup finds a command. The privileges are those of appendix G.
func lookup(fn ipmi.NetFn, cmd uint8) (command, bool) {
	var c command
	switch fn {
	case ipmi.NetFnChassis:
		c = chassisCommand(cmd)
	case ipmi.NetFnSensor:
		c = sensorCommand(cmd)
	case ipmi.NetFnApp:
		c = appCommand(cmd)
		if c.run == nil {
			c = accessCommand(cmd)
		}
	case ipmi.NetFnStorage:
		c = storageCommand(cmd)
	case ipmi.NetFnTransport:
		c = transportCommand(cmd)
	case ipmi.NetFnGroup:
		c = dcmiCommand(cmd)
	}
	return c, c.run != nil
}

func chassisCommand(cmd uint8) command {
	switch cmd {
	case 0x00:
		return command{run: chassisCapabilities, level: User}
	case 0x01:
		return command{run: chassisStatus, level: User, host: true}
	case 0x02:
		return command{run: chassisControl, level: Operator, min: 1, host: true, once: true}
	case 0x03:
		return command{run: chassisReset, level: Operator, host: true, once: true}
	case 0x04:
		return command{run: chassisIdentify, level: Operator, host: true}
	case 0x05:
		return command{run: setChassisCapabilities, level: Administrator, min: 5}
	case 0x06:
		return command{run: setRestorePolicy, level: Operator, min: 1}
	case 0x07:
		return command{run: restartCause, level: User}
	case 0x08:
		return command{run: setBootOption, level: Operator, min: 1, host: true}
	case 0x09:
		return command{run: getBootOption, level: Operator, min: 3, host: true}
	case 0x0a:
		return command{run: setFrontPanel, level: Administrator, min: 1}
	case 0x0b:
		return command{run: setCycleInterval, level: Administrator, min: 1}
	case 0x0f:
		return command{run: powerOnHours, level: User}
	}
	return command{}
}

func sensorCommand(cmd uint8) command {
	switch cmd {
	case 0x00:
		return command{run: setEventReceiver, level: Administrator, min: 2}
	case 0x01:
		return command{run: getEventReceiver, level: User}
	case 0x02:
		return command{run: platformEvent, level: Operator, min: 7, once: true}
	case 0x10:
		return command{run: pefCapabilities, level: User}
	case 0x11:
		return command{run: pefPostpone, level: Administrator, min: 1}
	case 0x12:
		return command{run: setPEF, level: Administrator, min: 1}
	case 0x13:
		return command{run: getPEF, level: Operator, min: 3}
	case 0x14:
		return command{run: setLastEvent, level: Administrator, min: 3}
	case 0x15:
		return command{run: getLastEvent, level: Operator}
	case pef.CmdAlert:
		return command{run: alertImmediate, level: Administrator, min: 3, once: true}
	case pet.CmdAcknowledge:
		return command{run: acknowledgeTrap, level: User, min: 12}
	case 0x20:
		return command{run: deviceSDRInfo, level: User}
	case 0x21:
		return command{run: getSDR, level: User, min: 6}
	case 0x22:
		return command{run: reserveSDR, level: User, once: true}
	case 0x23:
		return command{run: readingFactors, level: User, min: 2}
	case 0x24:
		return command{run: setHysteresis, level: Operator, min: 4}
	case 0x25:
		return command{run: getHysteresis, level: User, min: 2}
	case 0x26:
		return command{run: setThresholds, level: Operator, min: 8}
	case 0x27:
		return command{run: getThresholds, level: User, min: 1}
	case 0x28:
		return command{run: setEventEnable, level: Operator, min: 2}
	case 0x29:
		return command{run: getEventEnable, level: User, min: 1}
	case 0x2a:
		return command{run: rearm, level: Operator, min: 2}
	case 0x2b:
		return command{run: eventStatus, level: User, min: 1}
	case 0x2d:
		return command{run: sensorReading, level: User, min: 1, host: true}
	case 0x2f:
		return command{run: sensorType, level: User, min: 1}
	case 0x30:
		return command{run: setSensorReading, level: Operator, min: 2}
	}
	return command{}
}

func storageCommand(cmd uint8) command {
	switch cmd {
	case 0x10:
		return command{run: fruInfo, level: User, min: 1}
	case 0x11:
		return command{run: fruRead, level: User, min: 4}
	case 0x12:
		return command{run: fruWrite, level: Operator, min: 4, once: true}
	case 0x20:
		return command{run: sdrInfo, level: User}
	case 0x21:
		return command{run: sdrAllocation, level: User}
	case 0x22:
		return command{run: reserveSDR, level: User, once: true}
	case 0x23:
		return command{run: getSDR, level: User, min: 6}
	case 0x24:
		return command{run: addSDR, level: Operator, min: 5, once: true}
	case 0x25:
		return command{run: partialAddSDR, level: Operator, min: 6, once: true}
	case 0x26:
		return command{run: deleteSDR, level: Operator, min: 4, once: true}
	case 0x27:
		return command{run: clearSDR, level: Operator, min: 6, once: true}
	case 0x28, 0x48:
		return command{run: getTime, level: User}
	case 0x29, 0x49:
		return command{run: setTime, level: Operator, min: 4, once: true}
	case 0x40:
		return command{run: selInfo, level: User}
	case 0x41:
		return command{run: selAllocation, level: User}
	case 0x42:
		return command{run: reserveSEL, level: User, once: true}
	case 0x43:
		return command{run: getSEL, level: User, min: 6}
	case 0x44:
		return command{run: addSEL, level: Operator, min: 16, once: true}
	case 0x46:
		return command{run: deleteSEL, level: Operator, min: 4, once: true}
	case 0x47:
		return command{run: clearSEL, level: Operator, min: 6, once: true}
	case 0x5c:
		return command{run: getOffset, level: User}
	case 0x5d:
		return command{run: setOffset, level: Operator, min: 2}
	}
	return command{}
}

func transportCommand(cmd uint8) command {
	switch cmd {
	case 0x01:
		return command{run: setLAN, level: Administrator, min: 3}
	case 0x02:
		return command{run: getLAN, level: Operator, min: 4}
	case 0x21:
		return command{run: setSOL, level: Administrator, min: 3}
	case 0x22:
		return command{run: getSOL, level: User, min: 4}
	}
	return command{}
}

// appCommand is the controller itself and the watchdog.
func appCommand(cmd uint8) command {
	switch cmd {
	case 0x01:
		return command{run: deviceID, level: User}
	case 0x02:
		return command{run: coldReset, level: Administrator, host: true, once: true}
	case 0x03:
		return command{run: warmReset, level: Administrator, host: true, once: true}
	case 0x04:
		return command{run: selfTest, level: User}
	case 0x06:
		return command{run: setACPI, level: Administrator, min: 2}
	case 0x07:
		return command{run: getACPI, level: User}
	case 0x08:
		return command{run: deviceGUID, level: User}
	case 0x09:
		return command{run: netFnSupport, level: User, min: 1}
	case 0x0a:
		return command{run: commandSupport, level: User, min: 3}
	case 0x22:
		return command{run: watchdogReset, level: Operator}
	case 0x24:
		return command{run: watchdogSet, level: Operator, min: 6}
	case 0x25:
		return command{run: watchdogGet, level: User}
	case 0x2e:
		return command{run: setEnables, level: Administrator, min: 1}
	case 0x2f:
		return command{run: getEnables, level: User}
	case 0x31:
		return command{run: messageFlags, level: User}
	case 0x37:
		return command{run: systemGUID, level: 0}
	case 0x56:
		return command{run: securityKeys, level: Administrator, min: 3, once: true}
	case 0x58:
		return command{run: setSystemInfo, level: Administrator, min: 2}
	case 0x59:
		return command{run: getSystemInfo, level: User, min: 4}
	}
	return command{}
}

// accessCommand is sessions, channels, users and payloads.
func accessCommand(cmd uint8) command {
	switch cmd {
	case 0x38:
		return command{run: authCapabilities, level: 0, min: 2}
	case 0x3b:
		return command{run: setPrivilege, level: Callback, min: 1}
	case 0x3c:
		return command{run: closeSession, level: Callback, min: 4, once: true}
	case 0x3d:
		return command{run: sessionInfo, level: User, min: 1}
	case 0x40:
		return command{run: setChannelAccess, level: Administrator, min: 3}
	case 0x41:
		return command{run: getChannelAccess, level: User, min: 2}
	case 0x42:
		return command{run: channelInfo, level: User, min: 1}
	case 0x43:
		return command{run: setUserAccess, level: Administrator, min: 3}
	case 0x44:
		return command{run: getUserAccess, level: Operator, min: 2}
	case 0x45:
		return command{run: setUserName, level: Administrator, min: 17}
	case 0x46:
		return command{run: getUserName, level: Operator, min: 1}
	case 0x47:
		return command{run: setUserPassword, level: Administrator, min: 2, once: true}
	case 0x48:
		return command{run: activatePayload, level: User, min: 6, host: true, once: true}
	case 0x49:
		return command{run: deactivatePayload, level: User, min: 2, once: true}
	case 0x4a:
		return command{run: payloadStatus, level: User, min: 1}
	case 0x4b:
		return command{run: payloadInstance, level: User, min: 2}
	case 0x4c:
		return command{run: setPayloadAccess, level: Administrator, min: 6}
	case 0x4d:
		return command{run: getPayloadAccess, level: Operator, min: 2}
	case 0x4e:
		return command{run: payloadSupport, level: User, min: 1}
	case 0x4f:
		return command{run: payloadVersion, level: User, min: 2}
	case 0x54:
		return command{run: cipherSuites, level: 0, min: 3}
	case 0x55:
		return command{run: suspendEncryption, level: User, min: 3}
	}
	return command{}
}

func dcmiCommand(cmd uint8) command {
	switch cmd {
	case 0x01:
		return command{run: dcmiCapabilities, level: 0, min: 1}
	case 0x02:
		return command{run: dcmiPower, level: User, min: 1}
	case 0x03:
		return command{run: dcmiGetLimit, level: User, min: 1}
	case 0x04:
		return command{run: dcmiSetLimit, level: Operator, min: 1}
	case 0x05:
		return command{run: dcmiActivate, level: Operator, min: 1}
	case 0x06:
		return command{run: dcmiGetAsset, level: User, min: 1}
	case 0x07:
		return command{run: dcmiSensors, level: Operator, min: 1}
	case 0x08:
		return command{run: dcmiSetAsset, level: Operator, min: 1}
	case 0x09:
		return command{run: dcmiGetName, level: User, min: 1}
	case 0x0a:
		return command{run: dcmiSetName, level: Administrator, min: 1}
	case 0x10:
		return command{run: dcmiTemperatures, level: Operator, min: 1}
	}
	return command{}
}

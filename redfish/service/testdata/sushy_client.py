"""What provisioning tools do with a machine, by sushy: power, boot device, media.

Its arguments are the address of the service and the path of a system.
"""

import sys

import sushy
from sushy import auth


def check(what, got, want):
    if got != want:
        sys.exit("%s: got %r, want %r" % (what, got, want))


def main(address, path):
    root = sushy.Sushy(address, verify=False, auth=auth.SessionOrBasicAuth("root", "secret"))
    check("systems", path in root.get_system_collection().members_identities, True)
    system = root.get_system(path)
    check("power", system.power_state, sushy.PowerState.OFF)
    if sushy.ResetType.GRACEFUL_SHUTDOWN not in system.get_allowed_reset_system_values():
        sys.exit("no graceful shutdown")

    # Deployment: the medium in, boot from it once, on; then the medium out, and the disk for good.
    system.set_system_boot_options(sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE)
    system.refresh(force=True)
    check("boot", (system.boot.target, system.boot.enabled), (sushy.BootSource.PXE, sushy.BootSourceOverrideEnabled.ONCE))
    media = system.managers[0].virtual_media.get_members()
    check("media", [m.identity for m in media], ["Cd"])
    media[0].insert_media("http://images.example/boot.iso", write_protected=True)
    media[0].refresh(force=True)
    check("inserted", (media[0].inserted, media[0].image), (True, "http://images.example/boot.iso"))
    system.reset_system(sushy.ResetType.ON)
    system.refresh(force=True)
    check("power on", system.power_state, sushy.PowerState.ON)
    media[0].eject_media()
    media[0].refresh(force=True)
    check("ejected", bool(media[0].inserted), False)
    system.set_system_boot_options(sushy.BootSource.HDD, enabled=sushy.BootSourceOverrideEnabled.CONTINUOUS)
    system.refresh(force=True)
    check("boot", (system.boot.target, system.boot.enabled), (sushy.BootSource.HDD, sushy.BootSourceOverrideEnabled.CONTINUOUS))
    system.set_indicator_led(sushy.IndicatorLED.LIT)
    system.refresh(force=True)
    check("light", system.indicator_led, sushy.IndicatorLED.LIT)

    chassis = system.chassis[0]
    check("temperature", chassis.thermal.temperatures[0].reading_celsius, 21.5)
    check("manager", system.managers[0].firmware_version, "3.4")
    system.reset_system(sushy.ResetType.GRACEFUL_SHUTDOWN)
    system.refresh(force=True)
    check("power off", system.power_state, sushy.PowerState.OFF)
    try:
        system.reset_system(sushy.ResetType.PUSH_POWER_BUTTON)
    except sushy.exceptions.SushyError:
        pass
    else:
        sys.exit("a reset that there is not was taken")
    try:
        sushy.Sushy(address, verify=False, auth=auth.BasicAuth("root", "guess")).get_system(path)
    except sushy.exceptions.AccessError:
        pass
    else:
        sys.exit("a wrong password was taken")


main(*sys.argv[1:])

package spd

import "fmt"

// Maker names a maker by the two bytes that JEDEC gave it (JEP106): how many continuation codes
// come first, that is the bank less one, then the code; bit 7 of each is odd parity.
// Makers that are not in the list, which holds those of memory and of what is on modules, are told by
// their numbers.
func Maker(continuation, code byte) string {
	bank := int(continuation&0x7f) + 1
	switch {
	case continuation&0x7f == 0 && (code == 0 || code == 0xff), continuation == 0xff && code == 0xff:
		return ""
	case bank == 1:
		if name := firstBank(code & 0x7f); name != "" {
			return name
		}
	default:
		if name := laterBanks(bank, code&0x7f); name != "" {
			return name
		}
	}
	return fmt.Sprintf("JEDEC bank %d code 0x%02x", bank, code)
}

// firstBank holds the makers of the first bank by number; those whose name nobody meets on a module are left out.
func firstBank(n byte) string {
	names := [...]string{
		1: "AMD", 2: "AMI", 3: "Fairchild", 4: "Fujitsu", 7: "Hitachi", 9: "Intel", 11: "Intersil", 13: "Mostek",
		14: "Freescale", 15: "National Semiconductor", 16: "NEC", 19: "Conexant", 21: "NXP", 23: "Texas Instruments",
		24: "Toshiba", 25: "Xicor", 26: "Zilog", 28: "Mitsubishi", 29: "Lucent", 31: "Atmel", 32: "STMicroelectronics",
		33: "Lattice", 34: "NCR", 36: "IBM", 41: "Microchip", 42: "Ricoh", 43: "VLSI", 44: "Micron", 45: "SK hynix",
		46: "OKI", 47: "Actel", 48: "Sharp", 49: "Catalyst", 50: "Panasonic", 51: "IDT", 52: "Cypress", 53: "DEC",
		54: "LSI Logic", 55: "Zarlink", 60: "Honeywell", 61: "Tektronix", 62: "Oracle", 63: "SST", 64: "ProMOS",
		65: "Infineon", 66: "Macronix", 67: "Xerox", 69: "SanDisk", 70: "Elan", 72: "Apple", 73: "Xilinx", 74: "Compaq",
		76: "SCI", 77: "Seiko", 78: "Samsung", 82: "Alliance", 83: "Tandem", 84: "Hewlett-Packard", 85: "ISSI",
		86: "Brooktree", 90: "Winbond", 94: "Exar", 96: "LG", 97: "Northern Telecom", 98: "Sanyo", 100: "Crystal",
		101: "Analog Devices", 102: "PMC-Sierra", 110: "Altera", 112: "Qualcomm", 113: "Sony",
	}
	if int(n) < len(names) {
		return names[n]
	}
	return ""
}

func laterBanks(bank int, code byte) string {
	switch bank<<8 | int(code) {
	case 2<<8 | 0x11:
		return "Dataram"
	case 2<<8 | 0x14:
		return "SMART Modular"
	case 2<<8 | 0x18:
		return "Kingston"
	case 2<<8 | 0x3a:
		return "PNY"
	case 2<<8 | 0x4f:
		return "Transcend"
	case 2<<8 | 0x7a:
		return "Apacer"
	case 3<<8 | 0x1e:
		return "Corsair"
	case 3<<8 | 0x7e:
		return "Elpida"
	case 4<<8 | 0x0b:
		return "Nanya"
	case 4<<8 | 0x25:
		return "Kingmax"
	case 5<<8 | 0x30:
		return "OCZ"
	case 5<<8 | 0x43:
		return "Ramaxel"
	case 5<<8 | 0x4b:
		return "ADATA"
	case 5<<8 | 0x4d:
		return "G.Skill"
	case 5<<8 | 0x6f:
		return "Team Group"
	case 6<<8 | 0x02:
		return "Patriot"
	case 6<<8 | 0x1b:
		return "Crucial"
	case 6<<8 | 0x51:
		return "Qimonda"
	case 6<<8 | 0x57:
		return "AENEON"
	case 6<<8 | 0x77:
		return "Avant"
	case 7<<8 | 0x1d:
		return "Rambus"
	case 7<<8 | 0x32:
		return "Montage"
	case 7<<8 | 0x71:
		return "Innodisk"
	case 11<<8 | 0x11:
		return "CXMT"
	}
	return ""
}

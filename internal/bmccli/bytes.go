package bmccli

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// number reads a number as people and programs write it: decimal, or hexadecimal behind 0x.
func number(text string, least, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil || n < least || n > most {
		return 0, usagef("%q is not a number from %d to %d", text, least, most)
	}
	return n, nil
}

// hexBytes reads bytes, one in a word or many.
func hexBytes(words []string) ([]byte, error) {
	var b []byte
	for _, w := range words {
		w = strings.TrimPrefix(strings.ToLower(w), "0x")
		if len(w)%2 == 1 {
			w = "0" + w
		}
		more, err := hex.DecodeString(w)
		if err != nil {
			return nil, usagef("%q is not bytes in hexadecimal", w)
		}
		b = append(b, more...)
	}
	return b, nil
}

// hexDump writes bytes in lines of 16.
func hexDump(b []byte) string {
	var text strings.Builder
	for at := 0; at < len(b); at += 16 {
		fmt.Fprintf(&text, "%04x  % x\n", at, b[at:min(at+16, len(b))])
	}
	return text.String()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func enabled(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

// parseOnOff reads on or off.
func parseOnOff(text string) (bool, error) {
	switch text {
	case "on", "enable", "enabled", "yes", "true":
		return true, nil
	case "off", "disable", "disabled", "no", "false":
		return false, nil
	}
	return false, usagef("%q is neither on nor off", text)
}

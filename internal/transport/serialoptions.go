package transport

import (
	"fmt"
	"slices"
)

// bauds are the speeds that powermand knows, in bits per second.
func bauds() []int {
	return []int{300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800}
}

// check refuses settings that no line could take.
func (o SerialOptions) check() error {
	switch {
	case !slices.Contains(bauds(), o.Baud):
		return fmt.Errorf("error setting baud rate to %d: use one of %v", o.Baud, bauds())
	case o.DataBits != 7 && o.DataBits != 8:
		return fmt.Errorf("error setting data bits to %d: use 7 or 8", o.DataBits)
	case o.Parity != 'n' && o.Parity != 'e' && o.Parity != 'o':
		return fmt.Errorf("error setting parity to %q: use n, e or o", o.Parity)
	case o.StopBits != 1 && o.StopBits != 2:
		return fmt.Errorf("error setting stop bits to %d: use 1 or 2", o.StopBits)
	}
	return nil
}

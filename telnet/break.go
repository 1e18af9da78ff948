package telnet

// brk is the BREAK command (RFC 854, "NVT printer and keyboard").
const brk byte = 243

// Break asks the other end to send the break signal on the line behind it, as
// terminal servers do.
func (c *Conn) Break() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.rwc.Write(append(c.takePending(), IAC, brk))
	return err
}

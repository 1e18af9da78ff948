package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"millwright.dev/millwright/internal/console/foreign"
	"millwright.dev/millwright/internal/roomfile"
)

// convertConsoles writes a room file with the consoles of a conman.conf or a
// conserver.cf.
func (p *program) convertConsoles(path, out string) error {
	text, err := readForeign(path)
	if err != nil {
		return err
	}
	found, err := foreign.Read(text, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return readForeign(name)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	made := found.Room(roomfile.SchemaID, filepath.Base(path))
	for _, n := range found.Notes {
		p.hint(fmt.Sprintf("%s:%d: %s", path, n.Line, clean(n.Text)))
	}
	if out == "" {
		p.printf("%s", made)
		return nil
	}
	main := filepath.Join(out, "room.yaml")
	if err := writeNew(main, made); err != nil {
		return err
	}
	p.printf("wrote %s with %s; try: millwright validate %s\n", main, counted(len(found.Consoles), "console"), out)
	return nil
}

// readForeign reads a file of another program. What is larger than any of those is not
// read to its end, if it has one.
func readForeign(path string) ([]byte, error) {
	const most = 64 << 20
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is larger than %d MiB", path, most>>20)
	}
	return text, err
}

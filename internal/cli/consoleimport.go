package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"millwright.dev/millwright/internal/console/foreign"
	"millwright.dev/millwright/internal/roomfile"
)

// convertConsoles writes a room file with the consoles of a conman.conf or a
// conserver.cf.
func (p *program) convertConsoles(path, out string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	found, err := foreign.Read(text, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return os.ReadFile(name)
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

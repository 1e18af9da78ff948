package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Bounds on a folder of configuration.
const maxConfigFiles = 10_000

// ConfigFolder finds the files of a configuration that is a folder, for
// [Source.ConfigFiles]: path by name. A link to an ordinary file counts as one; a
// link to a folder, or to nothing, is left out and named in skipped.
func ConfigFolder(dir string) (files map[string]string, skipped []string, err error) {
	files = make(map[string]string)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			skipped = append(skipped, path)
			return nil
		}
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if files[inside] = path; len(files) > maxConfigFiles {
			return fmt.Errorf("%s holds more than %d files: is it the folder of a configuration?", dir, maxConfigFiles)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("back up the configuration: %w", err)
	}
	return files, skipped, nil
}

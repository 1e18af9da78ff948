package driver

// Files is what a [Shelf] can be that also gives files which a room's settings
// name: profiles, templates. What is read becomes part of the room's revision.
type Files interface {
	// File gives the content of a file, for reading only. A relative name starts at
	// the folder of the room file that the settings stand in.
	File(name string) ([]byte, error)
}

package wire

// RevisionFiles is one accepted configuration with its files.
type RevisionFiles struct {
	Revision
	Parent int64  `json:"parent,omitempty" doc:"The revision that it was made from." example:"11"`
	Files  []File `json:"files" doc:"Its files, by name." nullable:"false"`
}

// File is one file of a configuration.
type File struct {
	Name string `json:"name" doc:"Relative to the room's folder; with a leading / for files elsewhere, which cannot be changed here." maxLength:"4096" example:"room.yaml"`
	Text string `json:"text" doc:"What is in it."`
}

// Difference is what lies between two revisions.
type Difference struct {
	Diff string `json:"diff" doc:"In the format of diff -u; empty if there is none."`
}

// ChangeConfiguration is a change of the room's files.
type ChangeConfiguration struct {
	Base      int64    `json:"base" doc:"The revision that the change was made from." minimum:"1" example:"12"`
	Note      string   `json:"note,omitempty" doc:"What is to be said of it." maxLength:"1000" example:"web7 has moved"`
	Files     []File   `json:"files,omitempty" doc:"New texts of files; each is written whole."`
	Remove    []string `json:"remove,omitempty" doc:"Files to be taken away." maxItems:"10000"`
	Edits     []Edit   `json:"edits,omitempty" doc:"Changes of single values, with comments and all else left as it is." maxItems:"10000"`
	Overwrite bool     `json:"overwrite,omitempty" doc:"Do it even if the files on the disk have been edited since; those edits are lost."`
	DryRun    bool     `json:"dry_run,omitempty" doc:"Check and compare, and change nothing."`
}

// Edit changes one value of a room file.
type Edit struct {
	File  string   `json:"file,omitempty" doc:"The file's name; without it, the file that has the value, or its section." maxLength:"4096"`
	Path  []string `json:"path" doc:"The keys that lead to the value." minItems:"1" maxItems:"8" example:"[\"nodes\",\"web7\",\"cords\"]"`
	Value any      `json:"value,omitempty" doc:"What stands there from now on; without it, or null, the key is taken away."`
}

// Changed is what a change of the configuration came to.
type Changed struct {
	Revision int64    `json:"revision,omitempty" doc:"The new revision; absent when nothing was changed." example:"13"`
	Diff     string   `json:"diff" doc:"What was changed, in the format of diff -u."`
	Warnings []string `json:"warnings,omitempty" doc:"What does not keep the room from working."`
}

// RollBack makes the files what they were in an older revision.
type RollBack struct {
	Base      int64  `json:"base" doc:"The revision that runs now, as far as you know." minimum:"1" example:"13"`
	Note      string `json:"note,omitempty" doc:"What is to be said of it." maxLength:"1000"`
	Overwrite bool   `json:"overwrite,omitempty" doc:"Do it even if the files on the disk have been edited since; those edits are lost."`
	DryRun    bool   `json:"dry_run,omitempty" doc:"Check and compare, and change nothing."`
}

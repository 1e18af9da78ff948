package rehearse

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/sim"
)

// standInFile holds the specifications of all stand-ins, in the copy's folder.
const standInFile = "stand-ins.dev"

// standInSpec names the specification of what stands in for a specification.
func standInSpec(spec string) string { return "stand-in-" + spec }

// standIn notes the specification for the stand-in of a device. It has the same
// fixed plugs, or plugs with any names if the device's own does.
func (r *Rehearsal) standIn(i int) {
	var fixed []string
	if p, ok := r.read.Room.Devices[i].Settings.(driver.Prepared); ok {
		fixed = p.Traits.Plugs
	}
	text := sim.DeviceFile("vpc", fixed...)
	if len(fixed) == 0 {
		const head = "\tplug name {"
		start := bytes.Index(text, []byte(head))
		end := start + bytes.IndexByte(text[start:], '}') + 1
		text = slices.Concat(text[:start], text[end:])
	}
	name := standInSpec(r.devices[i].Spec)
	r.standIns[name] = bytes.Replace(text, []byte(`specification "mw-vpc"`), []byte(`specification "`+name+`"`), 1)
}

func (r *Rehearsal) standInText() []byte {
	var b bytes.Buffer
	b.WriteString("# What stands in for makes that cannot be simulated.\n")
	for _, name := range slices.Sorted(maps.Keys(r.standIns)) {
		text := r.standIns[name]
		b.Write(text[bytes.Index(text, []byte("specification ")):])
	}
	return b.Bytes()
}

// introduce gives the files of the room that have to name the stand-ins' file, with
// that name in them: each powerman.conf that has devices, and one room file.
func (r *Rehearsal) introduce(file string) map[string][]byte {
	changed := map[string][]byte{}
	if len(r.standIns) == 0 {
		return changed
	}
	yaml := ""
	for _, name := range r.read.Order {
		text := r.read.Files[name]
		switch from, to := section(text, "specifications:"); {
		case filepath.Ext(name) == ".dev":
		case !isRoomFile(name, text):
			if slices.ContainsFunc(tokens(text), func(w word) bool { return w.text == "device" && !w.quoted }) {
				changed[name] = append(fmt.Appendf(nil, "include %q\n", file), text...)
			}
		case yaml == "" || from < to:
			if yaml = name; from < to {
				changed[name] = alsoSpecification(text, file)
				return changed
			}
		}
	}
	if yaml != "" {
		changed[yaml] = fmt.Appendf(slices.Clone(r.read.Files[yaml]), "\nspecifications: %q\n", file)
	}
	return changed
}

// isRoomFile tells a room file from a powerman.conf.
func isRoomFile(name string, text []byte) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	case ".conf", ".dev":
		return false
	}
	return looksLikeYAML(text)
}

// alsoSpecification adds one more file to a room file's specifications, which are a
// name or a list of them.
func alsoSpecification(text []byte, file string) []byte {
	from, to := section(text, "specifications:")
	part := text[from:to]
	tree, err := parser.ParseBytes(part, 0)
	if err != nil || len(tree.Docs) == 0 {
		return text // the copy will not be read back
	}
	value := under(tree.Docs[0].Body, "specifications")
	list, isList := value.(*ast.SequenceNode)
	if isList && len(list.Values) > 0 {
		value = list.Values[0]
	}
	first, ok := value.(ast.ScalarNode)
	if !ok {
		return text
	}
	e, err := scalar(part, first)
	if err != nil {
		return text
	}
	old := string(part[e.from:e.to])
	switch {
	case !isList:
		e.text = fmt.Sprintf("[%s, %q]", old, file)
	case list.IsFlowStyle:
		e.text = fmt.Sprintf("%s, %q", old, file)
	default:
		start := bytes.LastIndexByte(part[:e.from], '\n') + 1
		e.text = fmt.Sprintf("%s\n%s%q", old, part[start:e.from], file)
	}
	return apply(text, []edit{e.behind(from)})
}

// newSpec gives the specification of the stand-ins for the devices of one entry, ""
// if they have none.
func newSpec(devices []string, at map[string]target) (string, error) {
	spec, others := "", 0
	for _, d := range devices {
		if to := at[d]; to.spec != "" {
			spec = to.spec
		} else if to.address != nowhere {
			others++
		}
	}
	if spec != "" && others > 0 {
		return "", errors.New("only some of these devices are to have stand-ins; write them as entries of their own")
	}
	return spec, nil
}

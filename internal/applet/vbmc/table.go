package vbmc

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// show writes an answer's rows, as VirtualBMC's users and their scripts know them.
func show(w io.Writer, format string, a answer) {
	if format == "json" {
		showJSON(w, a)
		return
	}
	widths := make([]int, len(a.Head))
	for _, row := range append([][]string{a.Head}, a.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rule := "+"
	for _, n := range widths {
		rule += strings.Repeat("-", n+2) + "+"
	}
	line := func(row []string) {
		text := "|"
		for i, cell := range row {
			text += " " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + " |"
		}
		fmt.Fprintln(w, text)
	}
	fmt.Fprintln(w, rule)
	line(a.Head)
	fmt.Fprintln(w, rule)
	for _, row := range a.Rows {
		line(row)
	}
	fmt.Fprintln(w, rule)
}

// showJSON writes a list of objects; of properties, one object.
func showJSON(w io.Writer, a answer) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if a.Head[0] == "Property" {
		all := make(map[string]string)
		for _, row := range a.Rows {
			all[row[0]] = row[1]
		}
		_ = e.Encode(all)
		return
	}
	list := make([]map[string]string, 0, len(a.Rows))
	for _, row := range a.Rows {
		one := make(map[string]string)
		for i, cell := range row {
			one[a.Head[i]] = cell
		}
		list = append(list, one)
	}
	_ = e.Encode(list)
}

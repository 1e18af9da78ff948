package layout

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Theme says for which background a picture is.
type Theme uint8

// The themes.
const (
	Auto Theme = iota // as whoever looks at it prefers
	Light
	Dark
)

// SVGOptions say how a picture looks.
type SVGOptions struct {
	Title string // above the picture, and its name; empty is none
	Theme Theme
}

// How much of a text a box shows, and how wide characters are. Fonts differ:
// the numbers leave room.
const (
	labelColumns, labelWidth = 32, 7.6
	noteColumns, noteWidth   = 40, 6.2
	margin                   = 24.0
)

// BoxSize is the size in pixels of a node's box in [SVG].
func BoxSize(n Node) (width, height float64) {
	label := columns(tidy(n.Label, labelColumns))
	if n.State != NoState {
		label += 2
	}
	width, height = float64(label)*labelWidth, 34
	if n.Note != "" {
		width = max(width, float64(columns(tidy(n.Note, noteColumns)))*noteWidth)
		height = 50
	}
	if n.Kind == UPS || n.Kind == Feed {
		width += 8
	}
	return max(width+28, 64), height
}

// SVG writes a picture that stands alone: no scripts, no fonts and nothing from
// elsewhere, a name and a description for who cannot see it, colours by classes
// for light and dark, and a legend. It expects a layout made with [BoxSize].
func SVG(w io.Writer, l *Layout, o SVGOptions) error {
	p := picture{out: bufio.NewWriter(w), l: l, g: &l.graph}
	legend := newLegend(p.g, false)
	top, title := margin, tidy(o.Title, longest)
	if title != "" {
		top += 34
	}
	width := max(l.Width, 360) + 2*margin
	lines := p.legendLines(legend, width)
	height := top + l.Height + margin + float64(len(lines))*22
	if len(lines) > 0 {
		height += 10
	}
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" class="millwright-graph" role="img" aria-labelledby="mw-title mw-desc" width="%s" height="%s" viewBox="0 0 %s %s">`+"\n",
		number(width), number(height), number(width), number(height))
	name := title
	if name == "" {
		name = "What needs what"
	}
	p.f("<title id=\"mw-title\">%s</title>\n<desc id=\"mw-desc\">%s</desc>\n", escape(name), escape(p.describe()))
	p.style(o.Theme)
	p.f("<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n")
	if title != "" {
		p.f("<text class=\"title\" x=\"%s\" y=\"38\">%s</text>\n", number(margin), escape(title))
	}
	left := margin + (width-2*margin-l.Width)/2
	p.f("<g transform=\"translate(%s %s)\">\n", number(left), number(top))
	p.edges()
	for i := range p.g.Nodes {
		p.node(i)
	}
	p.f("</g>\n")
	p.legend(lines, top+l.Height+margin+16)
	p.f("</svg>\n")
	return p.out.Flush()
}

// picture is an SVG in the making.
type picture struct {
	out *bufio.Writer // keeps the first error
	l   *Layout
	g   *Graph
}

func (p *picture) f(format string, args ...any) { fmt.Fprintf(p.out, format, args...) }

// number writes a length to a tenth of a pixel.
func number(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}

var forXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// escape makes a tidy text fit for XML, in elements and in attributes.
func escape(text string) string { return forXML.Replace(text) }

// describe says in words what the picture shows.
func (p *picture) describe() string {
	counts := make(map[string]int)
	for _, n := range p.g.Nodes {
		counts[n.State.Look().Word]++
	}
	text := fmt.Sprintf("%d nodes in %d layers, with %d needs; what is needed stands above what needs it.", len(p.g.Nodes), p.l.Layers, len(p.g.Edges))
	for _, s := range statesOf(p.g) {
		word := s.Look().Word
		text += fmt.Sprintf(" %d %s.", counts[word], word)
	}
	return text
}

// palette is what colours are in one theme.
type palette struct{ paper, ink, faint, line, box, power, good, off, busy, warn, bad, forced string }

func (p *picture) style(t Theme) {
	light := palette{"#ffffff", "#1f2328", "#59636e", "#818b98", "#f6f8fa", "#9a6700", "#1a7f37", "#818b98", "#0969da", "#bc4c00", "#cf222e", "#8250df"}
	dark := palette{"#0d1117", "#e6edf3", "#9198a1", "#6e7681", "#161b22", "#d29922", "#3fb950", "#6e7681", "#58a6ff", "#f0883e", "#f85149", "#bc8cff"}
	p.f("<style>\n")
	p.f(".millwright-graph text{font-family:system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif;font-size:13px}\n" +
		".millwright-graph .title{font-size:18px;font-weight:600}\n" +
		".millwright-graph .note{font-size:11px}\n" +
		".millwright-graph .edge{fill:none;stroke-width:1.4}\n" +
		".millwright-graph .optional{stroke-dasharray:6 4}\n" +
		".millwright-graph .any{stroke-dasharray:1.5 3.5;stroke-linecap:round;stroke-width:1.8}\n" +
		".millwright-graph .power{stroke-width:2.4}\n" +
		".millwright-graph .box{stroke-width:1.5}\n" +
		".millwright-graph .group .box{stroke-dasharray:5 3}\n" +
		".millwright-graph .feed .box,.millwright-graph .bad .box{stroke-width:2.5}\n")
	if t == Dark {
		p.colours(dark)
	} else {
		p.colours(light)
	}
	if t == Auto {
		p.f("@media (prefers-color-scheme:dark){\n")
		p.colours(dark)
		p.f("}\n")
	}
	p.f("</style>\n")
	p.f("<defs>\n")
	for _, class := range [...]string{"line", "live"} {
		p.f("<marker id=\"mw-%s\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"%s-head\" d=\"M0.5 0.5 7.5 4 0.5 7.5z\"/></marker>\n", class, class)
	}
	p.f("</defs>\n")
}

func (p *picture) colours(c palette) {
	const all = ".millwright-graph "
	p.f(all+".paper{fill:%s}\n"+all+"text{fill:%s}\n"+all+".note,"+all+".word{fill:%s}\n", c.paper, c.ink, c.faint)
	p.f(all+".edge{stroke:%s}\n"+all+".line-head{fill:%s}\n"+all+".power{stroke:%s}\n"+all+".live-head{fill:%s}\n", c.line, c.line, c.power, c.power)
	p.f(all+".box{fill:%s;stroke:%s}\n", c.box, c.line)
	for _, tone := range [...][2]string{{"good", c.good}, {"off", c.off}, {"busy", c.busy}, {"warn", c.warn}, {"bad", c.bad}, {"forced", c.forced}} {
		p.f(all+".%s .box{stroke:%s}"+all+".%s .sign{fill:%s}\n", tone[0], tone[1], tone[0], tone[1])
	}
	p.f(all+".off .label{fill:%s}\n", c.faint)
}

// titledEdges is up to how many edges each says what it is when pointed at.
const titledEdges = 3_000

func (p *picture) edges() {
	var d strings.Builder
	for i, e := range p.g.Edges {
		d.Reset()
		points := p.l.Edges[i].Points
		for k, at := range points {
			x, y := number(at.X), number(at.Y)
			switch {
			case k == 0:
				d.WriteString("M" + x + " " + y)
			case at.X == points[k-1].X:
				d.WriteString("V" + y)
			default:
				before := points[k-1]
				middle := number((before.Y + at.Y) / 2)
				d.WriteString("C" + number(before.X) + " " + middle + " " + x + " " + middle + " " + x + " " + y)
			}
		}
		head, class := "line", [styles]string{"hard", "optional", "any", "power"}[e.Style]
		if e.Style == Power {
			head = "live"
		}
		p.f(`<path class="edge %s" marker-end="url(#mw-%s)" d="%s"`, class, head, d.String())
		if len(p.g.Edges) > titledEdges {
			p.f("/>\n")
			continue
		}
		p.f("><title>%s is needed by %s (%s)</title></path>\n", escape(tidy(p.g.Nodes[e.From].Label, 60)), escape(tidy(p.g.Nodes[e.To].Label, 60)), e.Style.word())
	}
}

func (p *picture) node(i int) {
	n, b := &p.g.Nodes[i], p.l.Nodes[i]
	look := n.State.Look()
	p.f(`<g class="%s %s" transform="translate(%s %s)"><title>%s</title>`, n.Kind.word(), look.Class, number(b.X), number(b.Y), escape(about(n)))
	p.shape(n.Kind, b.Width, b.Height)
	y := b.Height/2 + 4.5
	note := tidy(n.Note, noteColumns)
	if note != "" {
		y -= 8
	}
	p.f(`<text class="label" x="%s" y="%s" text-anchor="middle">`, number(b.Width/2), number(y))
	if look.Sign != "" {
		p.f(`<tspan class="sign">%s</tspan> `, look.Sign)
	}
	p.f("%s</text>", escape(tidy(n.Label, labelColumns)))
	if note != "" {
		p.f(`<text class="note" x="%s" y="%s" text-anchor="middle">%s</text>`, number(b.Width/2), number(y+16), escape(note))
	}
	p.f("</g>\n")
}

// about says all that is known of a node.
func about(n *Node) string {
	text := tidy(n.Label, longest) + " (" + n.Kind.word()
	if n.Cluster != "" {
		text += ", " + tidy(n.Cluster, 60)
	}
	text += ")"
	if word := n.State.Look().Word; word != "" {
		text += ": " + word
	}
	if n.Note != "" {
		text += "; " + tidy(n.Note, longest)
	}
	return text
}

// shape draws a box by its kind.
func (p *picture) shape(k Kind, width, height float64) {
	w, h := number(width), number(height)
	switch k {
	case Group:
		p.f(`<rect class="box" width="%s" height="%s" rx="%s"/>`, w, h, number(height/2))
	case Device:
		p.f(`<rect class="box" width="%s" height="%s"/>`, w, h)
	case Feed: // cut corners
		p.f(`<path class="box" d="M10 0H%sL%s 10V%sL%s %sH10L0 %sV10z"/>`, number(width-10), w, number(height-10), number(width-10), h, number(height-10))
	case UPS: // a battery
		p.f(`<rect class="box" width="%s" height="%s" rx="3"/><path class="box" d="M%s %sh4v%sh-4"/>`, w, h, w, number(height/2-7), "14")
	default:
		p.f(`<rect class="box" width="%s" height="%s" rx="8"/>`, w, h)
	}
}

// placedEntry is a legend's entry and where it is.
type placedEntry struct {
	legendEntry
	x float64
}

// legendLines fills lines with entries.
func (p *picture) legendLines(legend []legendEntry, width float64) (lines [][]placedEntry) {
	x := margin
	for _, e := range legend {
		w := float64(columns(e.word))*labelWidth + 48
		if len(lines) == 0 || x+w > width-margin {
			lines = append(lines, nil)
			x = margin
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], placedEntry{e, x})
		x += w
	}
	return lines
}

func (p *picture) legend(lines [][]placedEntry, y float64) {
	for _, line := range lines {
		for _, e := range line {
			if e.state != NoState {
				p.f(`<g class="%s"><text x="%s" y="%s"><tspan class="sign">%s</tspan> <tspan class="word">%s</tspan></text></g>`+"\n",
					e.state.Look().Class, number(e.x), number(y), e.sign, escape(e.word))
				continue
			}
			class := [styles]string{"hard", "optional", "any", "power"}[e.style]
			p.f(`<path class="edge %s" d="M%s %sh26"/><text class="word" x="%s" y="%s">%s</text>`+"\n",
				class, number(e.x), number(y-4.5), number(e.x+32), number(y), e.word)
		}
		y += 22
	}
}

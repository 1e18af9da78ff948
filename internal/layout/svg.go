package layout

// BoxSize is the size in pixels of a node's box in [SVG].
func BoxSize(n Node) (width, height float64) { return 100, 40 }

package service

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// pageSize is how many members a page of a collection has if nothing is said, and
	// maxPage how many may be asked for. Of pages whose members are shown whole there
	// are expandSize.
	pageSize, maxPage, expandSize = 1000, 2000, 100
	// maxLevels is how deep $expand goes, and maxExpanded how many documents one answer
	// may hold; what is beyond stays a link.
	maxLevels, maxExpanded = 3, 400
	// expandWithin is how long an answer waits for machines that it is put together of:
	// what has not come by then stays a link too.
	expandWithin = 20 * time.Second
)

// query is what the query of a GET asks for (DSP0266, section "Query parameters").
type query struct {
	selected  []string // properties, with slashes to those inside
	expand    byte     // '.', '~' or '*'; zero for none
	levels    int
	top, skip int // -1 is not said
	only      bool
}

// plain says whether the document is shown as it is.
func (q *query) plain() bool {
	return q.selected == nil && q.expand == 0 && q.top < 0 && q.skip < 0 && !q.only
}

// tells says whether the ETag of a document, which is that of it alone, tells of all that
// is shown: what is put together of several may have changed where it has not.
func (q *query) tells() bool { return q.expand == 0 && !q.only }

// parseQuery reads the query, and refuses what cannot be done.
func (c *call) parseQuery(res *resource) error {
	c.query = query{top: -1, skip: -1}
	if c.r.URL.RawQuery == "" {
		return nil
	}
	// A plus in $expand is a plus to some clients and a space to others; neither is needed.
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return failed(http.StatusBadRequest, say("QueryParameterValueFormatError", c.r.URL.RawQuery, "query"))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	reading := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	for _, name := range names {
		ours := strings.HasPrefix(name, "$") || name == "only" || name == "excerpt"
		switch {
		case !ours || res.raw != nil: // the others are for nobody, and passed over
			continue
		case !reading:
			return failed(http.StatusBadRequest, say("QueryNotSupportedOnOperation"))
		case len(values[name]) > 1:
			return failed(http.StatusBadRequest, say("QueryCombinationInvalid"))
		}
		if err := c.takeQuery(res, name, values.Get(name)); err != nil {
			return err
		}
	}
	if q := &c.query; q.only && (q.expand != 0 || q.selected != nil || q.top >= 0 || q.skip >= 0) {
		return failed(http.StatusBadRequest, say("QueryCombinationInvalid"))
	}
	return nil
}

func (c *call) takeQuery(res *resource, name, value string) error {
	q := &c.query
	switch name {
	case "$select":
		for one := range strings.SplitSeq(value, ",") {
			one = strings.Trim(strings.TrimSpace(one), "/")
			if one == "" || len(q.selected) >= 100 {
				return failed(http.StatusBadRequest, say("QueryParameterValueFormatError", value, name))
			}
			q.selected = append(q.selected, one)
		}
	case "$expand":
		return q.takeExpand(value)
	case "$top", "$skip":
		if !res.collection {
			return failed(http.StatusBadRequest, say("QueryNotSupportedOnResource"))
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return failed(http.StatusBadRequest, say("QueryParameterValueTypeError", value, name))
		}
		if n < 0 || n > 1e9 {
			return failed(http.StatusBadRequest, say("QueryParameterOutOfRange", value, name, "0 to 1000000000"))
		}
		if name == "$top" {
			q.top = n
		} else {
			q.skip = n
		}
	case "only":
		if !res.collection {
			return failed(http.StatusBadRequest, say("QueryNotSupportedOnResource"))
		}
		q.only = true
	default: // $filter and whatever else there may be
		return failed(http.StatusNotImplemented, say("QueryNotSupported").words("The query "+shorten(name)+" is not supported."))
	}
	return nil
}

// takeExpand reads ".($levels=2)" and its like.
func (q *query) takeExpand(value string) error {
	m := regexp.MustCompile(`^([.~*])(?:\(\$levels=([0-9]{1,4})\))?$`).FindStringSubmatch(strings.TrimSpace(value))
	if m == nil {
		return failed(http.StatusBadRequest, say("QueryParameterValueFormatError", value, "$expand"))
	}
	q.expand, q.levels = m[1][0], 1
	if m[2] != "" {
		n, _ := strconv.Atoi(m[2])
		if n < 1 || n > maxLevels {
			return failed(http.StatusBadRequest, say("QueryParameterOutOfRange", m[2], "$levels", "1 to "+strconv.Itoa(maxLevels)))
		}
		q.levels = n
	}
	return nil
}

// answer makes of a document what the query asks for.
func (c *call) answer(r *resource, o object) (object, error) {
	q := &c.query
	if q.only {
		return c.onlyMember(o)
	}
	if q.expand != 0 {
		ctx, cancel := context.WithTimeout(c.ctx, expandWithin)
		defer cancel()
		c.ctx = ctx
		left := maxExpanded
		c.expand(o, q.levels, &left)
	}
	if q.selected != nil {
		o = pick(o, q.selected, r.collection)
	}
	return o, nil
}

// onlyMember gives a collection's one member in its place, if it has just one.
func (c *call) onlyMember(o object) (object, error) {
	members, _ := o["Members"].([]object)
	if len(members) != 1 {
		return o, nil
	}
	path, _ := members[0]["@odata.id"].(string)
	one, err := c.fetch(path)
	if err != nil {
		return o, nil //nolint:nilerr // it may have gone meanwhile; then the list is right
	}
	return one, nil
}

// fetch gives the document at another path, as this user may see it.
func (c *call) fetch(path string) (object, error) {
	res, ids := c.routes.find(path)
	if res == nil || res.get == nil || !may(c.user.Role, res.read) && !res.open {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", path))
	}
	other := *c
	other.path, other.ids, other.query = path, ids, query{top: -1, skip: -1}
	if res.collection { // of lists inside, no more than a page of whole members
		other.query.top = expandSize
	}
	o, err := res.get(&other)
	if err == nil {
		o["@odata.etag"] = etagOf(o)
	}
	return o, err
}

// expand puts documents in the place of links: with '.' those below the resource, with
// '~' those of Links, with '*' both.
func (c *call) expand(o object, levels int, left *int) {
	own, _ := o["@odata.id"].(string)
	if own == root {
		own = root + "/"
	}
	_, collection := o["Members"]
	var visit func(v any, linked bool) any
	visit = func(v any, linked bool) any {
		switch v := v.(type) {
		case object:
			path, is := v["@odata.id"].(string)
			if !is || len(v) != 1 {
				for name, inner := range v {
					if name != "Actions" {
						v[name] = visit(inner, linked || name == "Links")
					}
				}
				return v
			}
			below := strings.HasPrefix(path, strings.TrimSuffix(own, "/")+"/") || collection
			wanted := linked && c.query.expand != '.' || !linked && below && c.query.expand != '~'
			if !wanted || *left <= 0 || c.ctx.Err() != nil {
				return v
			}
			inner, err := c.fetch(path)
			if err != nil {
				return v
			}
			*left--
			if levels > 1 {
				c.expand(inner, levels-1, left)
			}
			return inner
		case []object:
			for i := range v {
				v[i], _ = visit(v[i], linked).(object)
			}
		}
		return v
	}
	for name, inner := range o {
		if name != "Actions" {
			o[name] = visit(inner, name == "Links")
		}
	}
}

// pick leaves the properties that are selected, and those that every document has.
// In collections the selection is of the members.
func pick(o object, selected []string, collection bool) object {
	out := make(object)
	for name, v := range o {
		if strings.HasPrefix(name, "@odata.") {
			out[name] = v
		}
	}
	if collection {
		for _, name := range []string{"Name", "Members@odata.count", "Members@odata.nextLink"} {
			if v, has := o[name]; has {
				out[name] = v
			}
		}
		members, _ := o["Members"].([]object)
		some := make([]object, len(members))
		for i, m := range members {
			some[i] = pick(m, selected, false)
		}
		out["Members"] = some
		return out
	}
	for _, path := range selected {
		pickOne(out, o, strings.Split(path, "/"))
	}
	return out
}

func pickOne(out, o object, path []string) {
	v, has := o[path[0]]
	if !has {
		return
	}
	inner, is := v.(object)
	if len(path) == 1 || !is {
		out[path[0]] = v
		for name, note := range o { // what is noted of a property goes with it
			if strings.HasPrefix(name, path[0]+"@") {
				out[name] = note
			}
		}
		return
	}
	sub, is := out[path[0]].(object)
	if !is {
		sub = make(object)
		out[path[0]] = sub
	}
	pickOne(sub, inner, path[1:])
}

// list makes the document of a collection of so many members, of which member gives
// the i-th. Of them only a page is made.
func (c *call) list(schema, name string, n int, member func(i int) object) object {
	q := &c.query
	skip, size := min(max(q.skip, 0), n), pageSize
	if q.expand != 0 {
		size = expandSize
	}
	if q.top >= 0 {
		size = min(q.top, map[bool]int{false: maxPage, true: expandSize}[q.expand != 0])
	}
	end := min(skip+size, n)
	members := make([]object, 0, end-skip)
	for i := skip; i < end; i++ {
		members = append(members, member(i))
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#" + schema + "." + schema, "Name": name,
		"Members": members, "Members@odata.count": n,
	}
	// With a $top that was granted, the client pages by itself.
	if end < n && (q.top < 0 || q.top > size) {
		o["Members@odata.nextLink"] = c.nextPage(end, q.top-size)
	}
	return o
}

// nextPage gives the link to the page that starts at a member.
func (c *call) nextPage(start, top int) string {
	link := c.path + "?$skip=" + strconv.Itoa(start)
	if c.query.top >= 0 {
		link += "&$top=" + strconv.Itoa(top)
	}
	if c.query.expand != 0 {
		link += "&$expand=" + string(c.query.expand) + "($levels=" + strconv.Itoa(c.query.levels) + ")"
	}
	if c.query.selected != nil {
		link += "&$select=" + url.QueryEscape(strings.Join(c.query.selected, ","))
	}
	return link
}

// listOf is list for members that are links.
func (c *call) listOf(schema, name string, paths []string) object {
	return c.list(schema, name, len(paths), func(i int) object { return link(paths[i]) })
}

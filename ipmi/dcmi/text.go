package dcmi

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
)

const (
	chunk       = 15 // bytes of a text in one message; 16 is the limit, and some fail at it
	maxAssetTag = 63
	maxID       = 63 // and a zero at the end
)

// TextPiece is a part of the asset tag or of the controller's name: the requests that
// read (without Data) and write it (sections 6.4.1, 6.4.2 and 6.4.6).
type TextPiece struct {
	Offset uint8
	Count  uint8 // to read, at most 16; of Data in requests that write
	Data   []byte
}

// ParseTextPiece reads a request.
func ParseTextPiece(b []byte) (TextPiece, error) {
	b, err := body("text request", b, 2)
	if err != nil {
		return TextPiece{}, err
	}
	p := TextPiece{Offset: b[0], Count: b[1]}
	if data := b[2:]; len(data) > 0 {
		p.Data = append([]byte(nil), data[:min(len(data), int(p.Count))]...)
	}
	return p, nil
}

// Append adds the request to b. With Data Count is its length.
func (p TextPiece) Append(b []byte) []byte {
	if len(p.Data) > 0 {
		p.Count = byte(len(p.Data))
	}
	return append(append(b, Group, p.Offset, p.Count), p.Data...)
}

// TextAnswer is the answer to both: the length of the whole text and, when it was read, the
// part.
type TextAnswer struct {
	Total uint8
	Data  []byte
}

// ParseTextAnswer reads the answer.
func ParseTextAnswer(b []byte) (TextAnswer, error) {
	b, err := body("text", b, 1)
	if err != nil {
		return TextAnswer{}, err
	}
	return TextAnswer{b[0], append([]byte(nil), b[1:]...)}, nil
}

// Append adds the answer to b.
func (a TextAnswer) Append(b []byte) []byte { return append(append(b, Group, a.Total), a.Data...) }

func readText(ctx context.Context, d ipmi.Doer, what string, cmd uint8) (string, error) {
	var text []byte
	total := 1 // not known yet
	for first := true; len(text) < total; first = false {
		p := TextPiece{Offset: uint8(len(text)), Count: chunk}
		if !first {
			p.Count = uint8(min(chunk, total-len(text)))
		}
		a, err := ipmi.Ask(ctx, d, what, request(cmd, p.Append(nil)), ParseTextAnswer)
		if err != nil {
			return "", err
		}
		if total = int(a.Total); len(a.Data) == 0 {
			break // it has less than it said
		}
		text = append(text, a.Data...)
	}
	text = text[:min(total, len(text))]
	return strings.TrimRight(string(text), "\x00"), nil
}

func writeText(ctx context.Context, d ipmi.Doer, what string, cmd uint8, text []byte) error {
	for at := 0; at < len(text); at += chunk {
		p := TextPiece{Offset: uint8(at), Data: text[at:min(at+chunk, len(text))]}
		if err := ipmi.Tell(ctx, d, what, request(cmd, p.Append(nil))); err != nil {
			return err
		}
	}
	return nil
}

// GetAssetTag reads the asset tag.
func GetAssetTag(ctx context.Context, d ipmi.Doer) (string, error) {
	return readText(ctx, d, "read the asset tag", CmdGetAssetTag)
}

// SetAssetTag writes the asset tag, up to 63 bytes. What was there is overwritten: a
// shorter tag ends in a zero where that fits.
func SetAssetTag(ctx context.Context, d ipmi.Doer, tag string) error {
	const what = "set the asset tag"
	if len(tag) > maxAssetTag {
		return fmt.Errorf("%s: it has %d bytes, more than %d", what, len(tag), maxAssetTag)
	}
	return writeText(ctx, d, what, CmdSetAssetTag, ended(tag))
}

// GetID reads the name of the controller, which DCMI calls its identifier string.
func GetID(ctx context.Context, d ipmi.Doer) (string, error) {
	return readText(ctx, d, "read the controller's name", CmdGetID)
}

// SetID sets the name of the controller, up to 63 bytes; controllers offer it to a DHCP
// server as their host name.
func SetID(ctx context.Context, d ipmi.Doer, id string) error {
	const what = "set the controller's name"
	if len(id) > maxID {
		return fmt.Errorf("%s: it has %d bytes, more than %d", what, len(id), maxID)
	}
	return writeText(ctx, d, what, CmdSetID, ended(id))
}

func ended(text string) []byte { return append([]byte(text), 0) }

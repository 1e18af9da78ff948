package user

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// User is one user as seen from one channel.
type User struct {
	ID     uint8
	Name   string
	Status Status
	Access
}

// Counts says how many users a channel has.
type Counts struct {
	Max     uint8 // ids go from 1 to Max
	Enabled uint8
	Fixed   uint8 // have names that cannot be changed
}

// GetCounts asks how many users a channel has and can have.
func GetCounts(ctx context.Context, d ipmi.Doer, number uint8) (Counts, error) {
	a, err := GetAccess(ctx, d, number, 1)
	return Counts{a.Max, a.Enabled, a.Fixed}, err
}

// Get reads one user.
func Get(ctx context.Context, d ipmi.Doer, number, id uint8) (User, error) {
	a, err := GetAccess(ctx, d, number, id)
	if err != nil {
		return User{}, err
	}
	name, err := GetName(ctx, d, id)
	if err != nil && !nobody(err) {
		return User{}, err
	}
	return User{ID: id, Name: name, Status: a.Status, Access: a.Access}, nil
}

// nobody says whether a BMC said that there is no such user.
func nobody(err error) bool {
	return errors.Is(err, ipmi.CodeInvalidField) || errors.Is(err, ipmi.CodeNotPresent) || errors.Is(err, ipmi.CodeOutOfRange)
}

// List reads all users of a channel who have a name, or who may log in without one.
func List(ctx context.Context, d ipmi.Doer, number uint8) ([]User, error) {
	counts, err := GetCounts(ctx, d, number)
	if err != nil {
		return nil, err
	}
	var users []User
	for id := uint8(1); id <= counts.Max; id++ {
		u, err := Get(ctx, d, number, id)
		if nobody(err) {
			continue
		}
		if err != nil {
			return users, err
		}
		if u.Name != "" || u.Messaging && u.Status != StatusDisabled && u.Limit != channel.NoAccess && u.Limit != 0 {
			users = append(users, u)
		}
	}
	return users, nil
}

// ErrNoUser is the cause of errors about a user whom a BMC does not have.
var ErrNoUser = errors.New("the BMC has no such user")

// Find gives the user of a name.
func Find(ctx context.Context, d ipmi.Doer, number uint8, name string) (User, error) {
	users, err := List(ctx, d, number)
	if err != nil {
		return User{}, err
	}
	for _, u := range users {
		if u.Name == name {
			return u, nil
		}
	}
	return User{}, fmt.Errorf("user %q on channel %d: %w", name, number, ErrNoUser)
}

// NewUser is what [Create] needs.
type NewUser struct {
	ID      uint8 // 0 for the first one without a name, from 2 on
	Name    string
	Secret  []byte
	Long    bool // the password is stored in 20 bytes; needed for more than 16
	Limit   channel.Privilege
	Payload bool // may use the serial console
}

// Create makes a user in the order that leaves no moment at which somebody could log in with
// half of it: name, password, access, and only then enables it. It gives the id.
func Create(ctx context.Context, d ipmi.Doer, number uint8, n NewUser) (uint8, error) {
	id := n.ID
	if id == 0 {
		free, err := firstFree(ctx, d, number)
		if err != nil {
			return 0, err
		}
		id = free
	}
	if err := SetName(ctx, d, id, n.Name); err != nil {
		return id, err
	}
	if err := SetPassword(ctx, d, id, n.Secret, n.Long || len(n.Secret) > shortSecret); err != nil {
		return id, err
	}
	access := AccessSetting{
		Channel: number, User: id, Change: true,
		Access: Access{LinkAuth: true, Messaging: n.Limit != channel.NoAccess, Limit: n.Limit},
	}
	if err := SetAccess(ctx, d, access); err != nil {
		return id, err
	}
	if n.Payload {
		s := channel.UserPayloadSetting{Channel: number, User: id, UserPayloads: channel.UserPayloads{Standard: 1 << channel.PayloadSOL}}
		if err := channel.SetUserPayloads(ctx, d, s); err != nil {
			return id, err
		}
	}
	return id, SetEnabled(ctx, d, id, true)
}

func firstFree(ctx context.Context, d ipmi.Doer, number uint8) (uint8, error) {
	counts, err := GetCounts(ctx, d, number)
	if err != nil {
		return 0, err
	}
	for id := uint8(2); id <= counts.Max; id++ {
		name, err := GetName(ctx, d, id)
		if err != nil && !nobody(err) {
			return 0, err
		}
		if name == "" {
			return id, nil
		}
	}
	return 0, fmt.Errorf("channel %d has room for %d users and all have names", number, counts.Max)
}

// Delete does away with a user, as far as IPMI knows that: it is disabled, may do nothing on
// the channel, and loses its name. A BMC that refuses an empty name keeps it, as a user
// who can do nothing.
func Delete(ctx context.Context, d ipmi.Doer, number, id uint8) error {
	if err := SetEnabled(ctx, d, id, false); err != nil {
		return err
	}
	none := AccessSetting{Channel: number, User: id, Change: true, Access: Access{Limit: channel.NoAccess}}
	if err := SetAccess(ctx, d, none); err != nil {
		return err
	}
	err := SetName(ctx, d, id, "")
	if errors.Is(err, ipmi.CodeInvalidField) {
		return nil
	}
	return err
}

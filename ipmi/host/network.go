package host

import (
	"context"
	"errors"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/user"
)

// FindChannel gives the number of the channel that network settings, users and alerts
// belong to. Methods that take a channel also take [channel.Present], which stands for it.
func (h *Host) FindChannel(ctx context.Context) (uint8, error) { return lan.FindChannel(ctx, h.d) }

func (h *Host) channel(ctx context.Context, number uint8) (uint8, error) {
	if number != channel.Present {
		return number, nil
	}
	return h.FindChannel(ctx)
}

// with finds the channel that is meant and gives what f gives for it.
func with[T any](ctx context.Context, h *Host, number uint8, f func(context.Context, ipmi.Doer, uint8) (T, error)) (T, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		var none T
		return none, err
	}
	return f(ctx, h.d, n)
}

// Network reads how a channel lies on its network.
func (h *Host) Network(ctx context.Context, number uint8) (lan.Network, error) {
	return with(ctx, h, number, lan.GetNetwork)
}

// Network6 reads how a channel lies on its IPv6 network.
func (h *Host) Network6(ctx context.Context, number uint8) (lan.Network6, error) {
	return with(ctx, h, number, lan.GetNetwork6)
}

// SetNetwork changes how a channel lies on its network; see [lan.SetNetwork].
func (h *Host) SetNetwork(ctx context.Context, number uint8, c lan.NetworkChange) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	return lan.SetNetwork(ctx, h.d, n, c)
}

// CountDestinations says how many alert destinations a channel has beside that for tests.
func (h *Host) CountDestinations(ctx context.Context, number uint8) (uint8, error) {
	return with(ctx, h, number, lan.CountDestinations)
}

// Destination reads an alert destination.
func (h *Host) Destination(ctx context.Context, number, index uint8) (lan.Destination, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		return lan.Destination{}, err
	}
	return lan.GetDestination(ctx, h.d, n, index)
}

// SetDestination writes an alert destination and sees to it that an enabled policy sends
// alerts there.
func (h *Host) SetDestination(ctx context.Context, number uint8, dest lan.Destination) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	if err := lan.SetDestination(ctx, h.d, n, dest); err != nil {
		return err
	}
	return pef.EnsurePolicy(ctx, h.d, n, dest.Index)
}

// ClearDestination takes away the address of an alert destination.
func (h *Host) ClearDestination(ctx context.Context, number, index uint8) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	return lan.ClearDestination(ctx, h.d, n, index)
}

// Community reads the community of alerts.
func (h *Host) Community(ctx context.Context, number uint8) (string, error) {
	return with(ctx, h, number, lan.GetCommunity)
}

// SetCommunity sets the community of alerts.
func (h *Host) SetCommunity(ctx context.Context, number uint8, community string) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	return lan.SetCommunity(ctx, h.d, n, community)
}

// ChannelInfo says what a channel is.
func (h *Host) ChannelInfo(ctx context.Context, number uint8) (channel.Info, error) {
	return channel.GetInfo(ctx, h.d, number)
}

// ChannelAccess says who may come in by a channel.
func (h *Host) ChannelAccess(ctx context.Context, number uint8, from channel.Store) (channel.Access, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		return channel.Access{}, err
	}
	return channel.GetAccess(ctx, h.d, n, from)
}

// SetChannelAccess changes who may come in by a channel.
func (h *Host) SetChannelAccess(ctx context.Context, s channel.AccessSetting) error {
	n, err := h.channel(ctx, s.Channel)
	if err != nil {
		return err
	}
	s.Channel = n
	return channel.SetAccess(ctx, h.d, s)
}

// Users lists the users of a channel.
func (h *Host) Users(ctx context.Context, number uint8) ([]user.User, error) {
	return with(ctx, h, number, user.List)
}

// CountUsers says how many users a channel has and can have.
func (h *Host) CountUsers(ctx context.Context, number uint8) (user.Counts, error) {
	return with(ctx, h, number, user.GetCounts)
}

// User reads one user.
func (h *Host) User(ctx context.Context, number, id uint8) (user.User, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		return user.User{}, err
	}
	return user.Get(ctx, h.d, n, id)
}

// FindUser reads the user of a name.
func (h *Host) FindUser(ctx context.Context, number uint8, name string) (user.User, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		return user.User{}, err
	}
	return user.Find(ctx, h.d, n, name)
}

// CreateUser makes a user and gives the id.
func (h *Host) CreateUser(ctx context.Context, number uint8, u user.NewUser) (uint8, error) {
	n, err := h.channel(ctx, number)
	if err != nil {
		return 0, err
	}
	return user.Create(ctx, h.d, n, u)
}

// UserChange is what [Host.UpdateUser] changes. What is nil stays.
type UserChange struct {
	Name    *string
	Secret  []byte
	Long    bool // Secret is stored in 20 bytes
	Access  *user.Access
	Enabled *bool
}

// UpdateUser changes a user; a user who is to be disabled is so first, one who is to be enabled
// last.
func (h *Host) UpdateUser(ctx context.Context, number, id uint8, c UserChange) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	enable := func(on bool) error {
		if c.Enabled == nil || *c.Enabled != on {
			return nil
		}
		return user.SetEnabled(ctx, h.d, id, on)
	}
	for _, step := range []func() error{
		func() error { return enable(false) },
		func() error {
			if c.Name == nil {
				return nil
			}
			return user.SetName(ctx, h.d, id, *c.Name)
		},
		func() error {
			if c.Secret == nil {
				return nil
			}
			return user.SetPassword(ctx, h.d, id, c.Secret, c.Long)
		},
		func() error {
			if c.Access == nil {
				return nil
			}
			return user.SetAccess(ctx, h.d, user.AccessSetting{Channel: n, User: id, Change: true, Access: *c.Access})
		},
		func() error { return enable(true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// DeleteUser does away with a user, as far as IPMI can.
func (h *Host) DeleteUser(ctx context.Context, number, id uint8) error {
	n, err := h.channel(ctx, number)
	if err != nil {
		return err
	}
	return user.Delete(ctx, h.d, n, id)
}

// TestPassword says whether a user's password is this one, in either size.
func (h *Host) TestPassword(ctx context.Context, id uint8, secret []byte) (bool, error) {
	if len(secret) > 16 {
		return user.TestPassword(ctx, h.d, id, secret, true)
	}
	is, err := user.TestPassword(ctx, h.d, id, secret, false)
	if is || err != nil && !errors.Is(err, ipmi.CodeInvalidField) {
		return is, err
	}
	return user.TestPassword(ctx, h.d, id, secret, true)
}

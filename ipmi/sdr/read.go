package sdr

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

var (
	// ErrNone is the cause of the error about a controller that has neither a repository
	// nor device SDRs.
	ErrNone = errors.New("it has no sensor data records")
	// ErrChain is the cause of faults about repositories whose records do not lead to an end.
	ErrChain = errors.New("its chain of records does not lead to an end")
	// ErrChanging is the cause of the error about records that changed whenever they were read.
	ErrChanging = errors.New("they keep being changed")
)

// Options say how records are read. The zero value is good.
type Options struct {
	// Parallel is how many requests are made at once; 0 is 16. The session may hold
	// them back for a BMC that does not like it.
	Parallel int
	// Device saves asking the controller what it is.
	Device *mc.DeviceID
	// Cache, if not nil, keeps records on disk.
	Cache *Cache
	// Host names the BMC in the cache; BMCs without a name share what others of the same product,
	// firmware and repository times have.
	Host string
	// Satellites has the device SDRs of controllers behind the BMC read as well, for those that
	// the records tell of. They are not cached.
	Satellites bool
}

func (o Options) width() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return 16
}

// Set is the records of a BMC.
type Set struct {
	Records []Record
	// Own says that they are device SDRs: the BMC has no repository.
	Own bool
	// Cached says that they come from the cache.
	Cached bool
	// Faults are records that could not be understood, and other things that are
	// wrong with the BMC's data; what could be read is in Records all the same.
	Faults []error
}

// Sensors makes the sensors that the records tell of; see [Sensors].
func (s *Set) Sensors() []Sensor { return Sensors(s.Records) }

// Read reads all records of a BMC: from its repository or, if it has none, its device
// SDRs. With a cache that knows them, that takes one round trip.
func Read(ctx context.Context, d ipmi.Doer, o Options) (*Set, error) {
	for range 3 {
		s, again, err := read(ctx, d, o)
		if err != nil {
			return nil, fmt.Errorf("read sensor data records: %w", err)
		}
		if again {
			continue // they were being changed meanwhile
		}
		if o.Satellites {
			s.addSatellites(ctx, d, o)
		}
		return s, ctx.Err()
	}
	return nil, fmt.Errorf("read sensor data records: %w", ErrChanging)
}

func read(ctx context.Context, d ipmi.Doer, o Options) (s *Set, again bool, err error) {
	state, err := ask(ctx, d, o.Device)
	if err != nil {
		return nil, false, err
	}
	if records := o.Cache.load(o.Host, state.key()); records != nil {
		s := &Set{Own: state.own, Cached: true}
		s.parse(records)
		return s, false, nil
	}
	r := newReader(d, state, o.width())
	raw, fault := r.walk(ctx)
	switch {
	case fault == nil:
	case len(raw) == 0 && state.count() == 0 && errors.Is(fault, ipmi.CodeNotPresent):
		return &Set{Own: state.own}, false, nil // an empty repository has no first record
	case len(raw) == 0 || !ofTheData(fault):
		return nil, false, fault
	}
	s = &Set{Own: state.own}
	s.parse(raw)
	if fault != nil {
		s.Faults = append(s.Faults, fault)
		return s, false, nil
	}
	after, err := ask(ctx, d, &state.device)
	if err != nil {
		return nil, false, err
	}
	if string(after.key()) != string(state.key()) {
		return nil, true, nil
	}
	if err := o.Cache.save(o.Host, state.key(), raw); err != nil {
		s.Faults = append(s.Faults, err)
	}
	return s, false, nil
}

// ofTheData tells what a BMC says of its records, wrong as it may be, from a BMC that does not say anything.
func ofTheData(err error) bool {
	var code *ipmi.CodeError
	return errors.Is(err, ErrChain) || errors.Is(err, ipmi.ErrShort) || errors.As(err, &code)
}

func (s *Set) parse(raw [][]byte) {
	for _, b := range raw {
		r, err := Parse(b)
		if err != nil {
			s.Faults = append(s.Faults, err)
			continue
		}
		s.Records = append(s.Records, r)
	}
}

// holdings is what a controller says of its records; as long as it stays, so do they.
type holdings struct {
	device mc.DeviceID
	own    bool // device SDRs
	repo   Info
	dev    DeviceInfo
}

// key is the same for as long as the records are.
func (h *holdings) key() []byte {
	b := h.device.Append(nil)
	if h.own {
		return h.dev.Append(append(b, 1))
	}
	return h.repo.Append(append(b, 0))
}

// count is how many records there should be; 0 if that is not known.
func (h *holdings) count() int {
	if h.own {
		return int(h.dev.Count)
	}
	return int(h.repo.Records)
}

// ask finds out what a controller has; known is what it is, if that is known.
func ask(ctx context.Context, d ipmi.Doer, known *mc.DeviceID) (*holdings, error) {
	var h holdings
	var errs [2]error
	each(2, 2, func(i int) bool {
		switch {
		case i == 0 && known != nil:
			h.device = *known
		case i == 0:
			h.device, errs[0] = mc.GetDeviceID(ctx, d)
		case known == nil || known.Support.Has(mc.SupportSDRRepository) || !known.DeviceSDR:
			h.repo, errs[1] = GetInfo(ctx, d)
		default:
			errs[1] = ErrNone
		}
		return true
	})
	if errs[0] != nil {
		return nil, errs[0]
	}
	// What it can do is told by what it says of itself; where that is nothing, by what it does.
	if errs[1] == nil && (h.device.Support.Has(mc.SupportSDRRepository) || !h.device.DeviceSDR) {
		return &h, nil
	}
	if h.device.DeviceSDR {
		var err error
		h.own = true
		h.dev, err = GetDeviceInfo(ctx, d)
		return &h, err
	}
	if errors.Is(errs[1], ipmi.CodeInvalidCommand) {
		return nil, ErrNone
	}
	return nil, errs[1]
}

// GetInfo asks for the state of the repository.
func GetInfo(ctx context.Context, d ipmi.Doer) (Info, error) {
	return ipmi.Ask(ctx, d, "read the SDR repository's state", ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdInfo}, ParseInfo)
}

// GetAllocation asks how the repository's space is used.
func GetAllocation(ctx context.Context, d ipmi.Doer) (Allocation, error) {
	return ipmi.Ask(ctx, d, "read the SDR repository's allocation", ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdAllocation}, ParseAllocation)
}

// GetDeviceInfo asks for the number of a controller's own records.
// IPMI 1.0 could only be asked for the number of sensors; then it is that.
func GetDeviceInfo(ctx context.Context, d ipmi.Doer) (DeviceInfo, error) {
	const what = "read the state of the device SDRs"
	r := ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: CmdDeviceInfo, Data: []byte{1}}
	i, err := ipmi.Ask(ctx, d, what, r, ParseDeviceInfo)
	if errors.Is(err, ipmi.CodeLength) {
		r.Data = nil
		return ipmi.Ask(ctx, d, what, r, ParseDeviceInfo)
	}
	return i, err
}

// each calls do for 0 to n-1, at most width at once, and comes back when all have returned.
// After one that gives false no more are started.
func each(n, width int, do func(i int) bool) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	stop := func() {
		mu.Lock()
		defer mu.Unlock()
		next = n
	}
	for range min(n, width) {
		wg.Go(func() {
			for i := take(); i < n; i = take() {
				if !do(i) {
					stop()
				}
			}
		})
	}
	wg.Wait()
}

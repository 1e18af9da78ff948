package bmccli

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/spd"
)

func fruSPD(args []string) (job, error) {
	dev, err := fruDevice(args[0])
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		image, err := fru.ReadImage(ctx, d, dev, fru.Options{})
		if err != nil {
			return answer{}, err
		}
		m, err := spd.Parse(image)
		if err != nil {
			return answer{}, fmt.Errorf("memory %d: %w", dev.ID, err)
		}
		made := ""
		if at, ok := m.Date(); ok {
			made = at.Format("2006-01-02")
		}
		a := pairs(m, "module", m.Name(), "maker", m.Maker, "part", m.Part, "serial", m.Serial, "made", made)
		a.notes = m.Warnings
		return a, nil
	}}, err
}

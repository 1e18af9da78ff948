package sel_test

import (
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi/sel"
)

// A log that was saved while the BMC's clock was an hour slow is told by our clock.
func ExampleLog_Entries() {
	log, err := sel.Load(strings.NewReader(`
		clock 60d3c200 2021-06-24T00:21:36Z
		0100 02 10c1d360 2000 04 04 30 01 52 0a 19   # a fan slows down
		0200 02 f0c1d360 2000 04 04 30 81 52 20 19   # and is well again
	`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range log.Entries(nil) {
		fmt.Println(e.When.Time.Format("15:04:05"), e.When.Quality, e.Severity, e.Text())
	}
	// Output:
	// 00:17:36 corrected critical Fan Sensor 48: Lower Critical - going low; reading raw 0a; threshold raw 19
	// 00:21:20 corrected ok Fan Sensor 48: Lower Critical - going low (deasserted); reading raw 20; threshold raw 19
}

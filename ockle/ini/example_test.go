package ini_test

import (
	"fmt"

	"millwright.dev/millwright/ockle/ini"
)

// A comment survives the change of the line below it.
func Example() {
	d, err := ini.Parse([]byte("[server]\n# the left strip\noutlets = [\"o1\"]\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = d.Set("server", "outlets", ini.FormatList([]string{"o1", "o2"}))
	fmt.Print(string(d.Bytes()))
	// Output:
	// [server]
	// # the left strip
	// outlets = ["o1", "o2"]
}

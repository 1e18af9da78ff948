package fru_test

import (
	"fmt"

	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
)

// An asset tag is written into an inventory. [fru.ReadImage] and [fru.Write] get
// the image from a BMC and put it back.
func ExampleEdit() {
	serial, err := field.NewFRU(25, "SN-0815")
	if err != nil {
		fmt.Println(err)
		return
	}
	image, err := fru.Inventory{Product: &fru.Product{Language: 25, Serial: serial}}.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	image = append(image, make([]byte, 64)...) // the memory is larger

	image, err = fru.Edit(image, fru.Change{Name: "product.asset", Text: "rack 7, unit 12"})
	if err != nil {
		fmt.Println(err)
		return
	}
	inventory, err := fru.Parse(image)
	fmt.Println(inventory.Fields(), inventory.Warnings, err)
	// Output: [{product.serial SN-0815} {product.asset rack 7, unit 12}] [] <nil>
}

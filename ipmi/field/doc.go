// Package field reads and writes text as IPMI's records hold it: a type/length
// byte and then the text, packed in one of four ways. Sensor records (section 43.15 of IPMI
// 2.0) and FRU inventory (chapter 13 of the "Platform Management FRU Information Storage
// Definition" v1.0) have one each, and they differ in what type 0 means and in how long
// a field may be, so there are two pairs of functions: ParseSDR and AppendSDR,
// ParseFRU and AppendFRU. Package sdr and package fru both need it and neither
// needs the other, which is why it stands by itself.
package field

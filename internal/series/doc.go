// Package series keeps what is measured over time: watts, amps, temperatures, how
// long checks take, the charge of a UPS. It is here, and not in a database of its
// own kind beside the daemon, so that a room has its history without anybody setting
// one up; those who have one send the samples on (see the folder remotewrite).
//
// A [Book] takes samples by [Book.Append], which costs a fraction of a microsecond and
// never waits for the disk. Once a minute it writes what is new into a journal, so the
// death of the process costs a minute of samples at most, and that of the machine a
// little more. Once an hour, each series in its turn, samples become chunks: as they
// came, and rolled up by minutes, hours and days with their smallest, largest, mean and
// last value, their count, and for energy what it grew by. The journal goes as its
// samples come to rest; after a crash what it holds is appended anew, which also makes
// good the roll-ups. Each level is kept for as long as its [Retention] says.
//
// Clocks that jump lose nothing: a series begins a new chunk, parts of the same minute
// are put together when they are read, and for a day after the time has jumped forwards
// nothing is thrown away for its age. A disk that is full stops samples, which is said
// once; see [store.SampleReserve].
//
// Start at [Open], [Book.Append] and [Book.Ask]; then points.go and buckets.go for the
// formats, and flush.go for how they come to rest.
package series

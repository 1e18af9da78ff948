package run

func (r *Runner) drive(run *run, epoch int64) { r.retire(run) }

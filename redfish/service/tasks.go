package service

import (
	"cmp"
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	maxTasks   = 256 // that are remembered
	maxRunning = 128 // at the same moment
	keepTask   = time.Hour
)

// task is a change that may take longer than its answer.
type task struct {
	id    string
	n     int // counts up
	name  string
	owner string
	began time.Time
	over  chan struct{}
	stop  context.CancelFunc

	ended time.Time // the rest is settled when over is closed
	fault *fault    // nil if it went well
	shown bool      // it was answered with, so it can be asked for; guarded by tasks
}

type tasks struct {
	mu      sync.Mutex
	last    int
	running int
	all     []*task
}

func (s *Service) taskRoutes(at func(string, *resource)) {
	at("/TaskService", &resource{get: (*call).taskService})
	at("/TaskService/Tasks", &resource{get: (*call).taskList, collection: true})
	at("/TaskService/Tasks/{}", &resource{get: (*call).oneTask, del: (*call).removeTask})
	at("/TaskService/TaskMonitors/{}", &resource{raw: (*call).monitor, del: (*call).removeTask})
}

const tasksPath, monitorsPath = root + "/TaskService/Tasks", root + "/TaskService/TaskMonitors"

// carryOut does a change, and answers it: at once if it is soon over, and otherwise
// with a task that goes on by itself (DSP0266, section "Asynchronous operations").
// Who goes away does not stop it.
func (c *call) carryOut(name string, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(c.Service.ctx)
	t := &task{id: randomID(), name: name, owner: c.user.Name, began: time.Now(), over: make(chan struct{}), stop: cancel}
	if !c.tasks.add(t) {
		cancel()
		return &Error{Code: Busy, Said: "too many changes are under way", RetryAfter: 5 * time.Second}
	}
	begun := c.begin(func() {
		defer cancel()
		var f *fault
		if err := c.guarded(ctx, name, do); err != nil {
			f = c.faultOf(err)
		}
		c.tasks.end(t, f)
	})
	if !begun {
		cancel()
		c.tasks.end(t, nil)
		return &Error{Code: Busy, Said: "the service is closing", RetryAfter: 30 * time.Second}
	}
	late := time.NewTimer(c.opts.Patience)
	defer late.Stop()
	select {
	case <-t.over:
		c.tasks.drop(t)
		if t.fault != nil {
			return t.fault
		}
		c.acted()
		return nil
	case <-late.C:
	case <-c.ctx.Done():
	}
	c.tasks.show(t)
	c.pending(t)
	return nil
}

// guarded does a change outside of its request, whose panics would end the program.
func (c *call) guarded(ctx context.Context, name string, do func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("a change by Redfish failed", "what", name, "why", v, "stack", string(debug.Stack()))
			err = failed(http.StatusInternalServerError, say("InternalError"))
		}
	}()
	return do(ctx)
}

// pending answers for a task that goes on.
func (c *call) pending(t *task) {
	c.w.Header().Set("Location", join(monitorsPath, t.id))
	c.w.Header().Set("Retry-After", "2")
	c.write(http.StatusAccepted, t.object())
}

func (l *tasks) add(t *task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= maxRunning {
		return false
	}
	now := time.Now()
	l.all = slices.DeleteFunc(l.all, func(o *task) bool { return o.done() && now.Sub(o.ended) > keepTask })
	if len(l.all) >= maxTasks {
		i := slices.IndexFunc(l.all, (*task).done) // the oldest that is over
		l.all = slices.Delete(l.all, i, i+1)       // there is one: fewer are running
	}
	l.last++
	t.n = l.last
	l.running++
	l.all = append(l.all, t)
	return true
}

func (l *tasks) end(t *task, f *fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	t.fault, t.ended = f, time.Now()
	close(t.over)
}

func (l *tasks) show(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.shown = true
}

func (l *tasks) drop(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.DeleteFunc(l.all, func(o *task) bool { return o == t })
}

// mine lists what a user may see: their own, or everybody's.
func (l *tasks) mine(u User) []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*task
	for _, t := range l.all {
		if t.shown && (t.owner == u.Name || may(u.Role, configureManager)) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *task) int { return cmp.Compare(a.n, b.n) })
	return list
}

func (t *task) done() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

func (c *call) findTask() (*task, error) {
	for _, t := range c.tasks.mine(c.user) {
		if t.id == c.ids[0] {
			return t, nil
		}
	}
	return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
}

func (c *call) taskService() (object, error) {
	return object{
		"@odata.id": c.path, "@odata.type": "#TaskService.v1_3_0.TaskService", "Id": "TaskService", "Name": "Tasks",
		"Description": "Changes that take longer than their answer.", "ServiceEnabled": true, "Status": enabled(), "DateTime": clock(time.Now()),
		"CompletedTaskOverWritePolicy": "Oldest", "LifeCycleEventOnTaskStateChange": false, "Tasks": link(tasksPath),
		"TaskAutoDeleteTimeoutMinutes": int(keepTask.Minutes()),
	}, nil
}

func (c *call) taskList() (object, error) {
	list := c.tasks.mine(c.user)
	return c.list("TaskCollection", "Tasks", len(list), func(i int) object { return link(join(tasksPath, list[i].id)) }), nil
}

func (c *call) oneTask() (object, error) {
	t, err := c.findTask()
	if err != nil {
		return nil, err
	}
	return t.object(), nil
}

// object is how it stands with a task (Task).
func (t *task) object() object {
	o := object{
		"@odata.id": join(tasksPath, t.id), "@odata.type": "#Task.v1_7_4.Task", "Id": t.id, "Name": t.name, "Description": "Change number " + strconv.Itoa(t.n) + ".",
		"TaskState": "Running", "TaskStatus": "OK", "StartTime": clock(t.began), "HidePayload": true, "Messages": []object{},
	}
	switch {
	case !t.done():
		o["TaskMonitor"] = join(monitorsPath, t.id)
		return o
	case t.fault == nil:
		o["TaskState"], o["PercentComplete"] = "Completed", 100
		o["Messages"] = []object{say("Success").object()}
	default:
		o["TaskState"], o["TaskStatus"] = "Exception", "Critical"
		list := make([]object, len(t.fault.messages))
		for i, m := range t.fault.messages {
			list[i] = m.object()
		}
		o["Messages"] = list
	}
	o["EndTime"] = clock(t.ended)
	return o
}

// monitor answers as the change itself would have: 202 until it is over.
func (c *call) monitor() error {
	t, err := c.findTask()
	switch {
	case err != nil:
		return err
	case !t.done():
		c.pending(t)
	case t.fault != nil:
		return t.fault
	default:
		c.w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// removeTask forgets a task that is over. One that goes on is not stopped: a machine
// half way through a cycle would stay without power.
func (c *call) removeTask() error {
	t, err := c.findTask()
	if err != nil {
		return err
	}
	if !t.done() {
		return failed(http.StatusConflict, say("ResourceCannotBeDeleted").words("The task is still going on, and cannot be stopped."))
	}
	c.tasks.drop(t)
	return nil
}

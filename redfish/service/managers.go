package service

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (s *Service) managerRoutes(at func(string, *resource)) {
	at("/Managers", &resource{get: (*call).managerList, collection: true})
	at("/Managers/{}", &resource{get: (*call).manager})
	if _, can := s.opts.Backend.(ManagerResetter); can {
		at("/Managers/{}/Actions/Manager.Reset", &resource{post: (*call).resetManager, write: configureManager})
	}
	at("/Managers/{}/NetworkProtocol", &resource{get: (*call).network})
	at("/Managers/{}/VirtualMedia", &resource{get: (*call).mediaList, collection: true})
	at("/Managers/{}/VirtualMedia/{}", &resource{get: (*call).oneMedium, patch: (*call).changeMedium, write: configureComponents})
	at("/Managers/{}/VirtualMedia/{}/Actions/VirtualMedia.InsertMedia", &resource{post: (*call).insertMedium, write: configureComponents})
	at("/Managers/{}/VirtualMedia/{}/Actions/VirtualMedia.EjectMedia", &resource{post: (*call).ejectMedium, write: configureComponents})
}

func (c *call) managerList() (object, error) {
	return c.machineList("ManagerCollection", "Managers", "Managers")
}

// manager is what stands for a machine's service processor (Manager).
func (c *call) manager() (object, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#Manager.v1_24_0.Manager", "Id": m.ID, "Name": "Manager of " + m.Name,
		"Description": "What the machine " + m.Name + " is managed by.", "ManagerType": "BMC", "Status": enabled(),
		"DateTime": clock(time.Now()), "DateTimeLocalOffset": "+00:00", "ServiceEntryPointUUID": c.opts.UUID,
		"NetworkProtocol": link(c.path + "/NetworkProtocol"),
		"Links": object{
			"ManagerForServers": links(join(root+"/Systems", m.ID)), "ManagerForChassis": links(join(root+"/Chassis", m.ID)),
		},
	}
	put(o, "FirmwareVersion", m.ManagerVersion)
	put(o, "Model", c.opts.Product)
	if _, can := c.opts.Backend.(ManagerResetter); can {
		o["Actions"] = object{"#Manager.Reset": object{
			"target": c.path + "/Actions/Manager.Reset", "ResetType@Redfish.AllowableValues": []ResetType{GracefulRestart, ForceRestart},
		}}
	}
	if len(m.Media) > 0 {
		o["VirtualMedia"] = link(c.path + "/VirtualMedia")
	}
	return o, nil
}

// resetManager is the action that starts a manager anew.
func (c *call) resetManager() error {
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	m, err := c.machine()
	if err != nil {
		return err
	}
	f := fieldsOf(body, "#Manager.Reset")
	f.choice("ResetType", true, string(GracefulRestart), string(ForceRestart))
	f.rest(nil)
	if err := f.err(); err != nil {
		return err
	}
	keeper, _ := c.opts.Backend.(ManagerResetter)
	user := c.user
	return c.carryOut("Restart of the manager of "+m.Name, func(ctx context.Context) error { return keeper.ResetManager(ctx, user, m.ID) })
}

// network tells by which protocols the manager is reached (ManagerNetworkProtocol).
func (c *call) network() (object, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	protocol := func(on bool, port int) object {
		o := object{"ProtocolEnabled": on}
		if on && port > 0 {
			o["Port"] = port
		}
		return o
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#ManagerNetworkProtocol.v1_12_0.ManagerNetworkProtocol", "Id": "NetworkProtocol",
		"Name": "Network protocols", "Description": "The ways to the manager of " + m.Name + ".", "Status": enabled(),
		"HTTP": protocol(c.r.TLS == nil, c.hostPort()), "HTTPS": protocol(c.r.TLS != nil, c.hostPort()),
	}
	for _, con := range m.Consoles {
		if con.Kind != ConsoleWebSocket && con.Port > 0 {
			o[string(con.Kind)] = protocol(true, con.Port)
		}
	}
	return o, nil
}

// media gives the machine, and which of its media the path is about.
func (c *call) media() (Machine, int, error) {
	m, err := c.machine()
	if err != nil {
		return m, 0, err
	}
	i := 0
	if len(c.ids) > 1 {
		i = slices.IndexFunc(m.Media, func(one Medium) bool { return one.ID == c.ids[1] })
	}
	if i < 0 || len(m.Media) == 0 {
		return m, 0, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return m, i, nil
}

func (c *call) mediaList() (object, error) {
	m, _, err := c.media()
	if err != nil {
		return nil, err
	}
	return c.list("VirtualMediaCollection", "Virtual media", len(m.Media), func(i int) object { return link(join(c.path, m.Media[i].ID)) }), nil
}

// oneMedium is a drive whose medium comes from elsewhere (VirtualMedia).
func (c *call) oneMedium() (object, error) {
	m, i, err := c.media()
	if err != nil {
		return nil, err
	}
	one := m.Media[i]
	types := one.Types
	if len(types) == 0 {
		types = []string{"CD", "DVD"}
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#VirtualMedia.v1_6_5.VirtualMedia", "Id": one.ID, "Name": "Virtual medium " + one.ID,
		"Description": "A drive of " + m.Name + " whose medium comes from elsewhere.", "MediaTypes": types, "Image": orNull(one.Image), "ImageName": orNull(lastPart(one.Image)),
		"Inserted": one.Inserted, "WriteProtected": one.WriteProtect, "ConnectedVia": "NotConnected", "UserName": orNull(one.User), "Password": nil,
		"Actions": object{
			"#VirtualMedia.InsertMedia": object{"target": c.path + "/Actions/VirtualMedia.InsertMedia"},
			"#VirtualMedia.EjectMedia":  object{"target": c.path + "/Actions/VirtualMedia.EjectMedia"},
		},
	}
	if one.Image != "" {
		o["TransferMethod"] = "Stream"
		o["ConnectedVia"] = map[bool]string{true: "URI", false: "NotConnected"}[one.Inserted]
	}
	return o, nil
}

// lastPart gives the name of a file at an address.
func lastPart(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path[strings.LastIndexByte(u.Path, '/')+1:]
}

// image takes the address of an image.
func image(f *fields, name string, needed bool) (string, bool) {
	text, ok := f.text(name, needed)
	if !ok {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" && !slices.Contains([]string{"http", "https", "nfs", "cifs", "smb", "ftp", "sftp", "scp", "tftp"}, u.Scheme) || u.User != nil || text == "" {
		f.bad(name, "ValueFormatError", text)
		return "", false
	}
	return text, true
}

// insertMedium is the action that puts an image in.
func (c *call) insertMedium() error {
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	m, i, err := c.media()
	if err != nil {
		return err
	}
	f := fieldsOf(body, "#VirtualMedia.InsertMedia")
	one := m.Media[i]
	one.Inserted, one.WriteProtect = true, true
	one.Image, _ = image(f, "Image", true)
	one.User, _ = f.text("UserName", false)
	one.Password, _ = f.text("Password", false)
	if v, ok := f.flag("Inserted"); ok {
		one.Inserted = v
	}
	if v, ok := f.flag("WriteProtected"); ok {
		one.WriteProtect = v
	}
	f.choice("TransferMethod", false, "Stream", "Upload")
	f.choice("TransferProtocolType", false, "CIFS", "FTP", "SFTP", "HTTP", "HTTPS", "NFS", "SCP", "TFTP", "OEM")
	f.choice("MediaType", false, "CD", "DVD", "Floppy", "USBStick")
	f.rest(nil)
	if err := f.err(); err != nil {
		return err
	}
	if err := c.opts.Backend.SetMedium(c.ctx, c.user, m.ID, one); err != nil {
		return err
	}
	c.acted()
	return nil
}

// ejectMedium is the action that takes it out. It has no parameters, and so needs no
// body.
func (c *call) ejectMedium() error {
	if c.r.ContentLength != 0 && c.r.Body != http.NoBody {
		if _, err := c.body(maxBody); err != nil {
			return err
		}
	}
	m, i, err := c.media()
	if err != nil {
		return err
	}
	if err := c.opts.Backend.SetMedium(c.ctx, c.user, m.ID, Medium{ID: m.Media[i].ID, Types: m.Media[i].Types}); err != nil {
		return err
	}
	c.acted()
	return nil
}

// changeMedium takes a PATCH: the way to insert of those who know no actions.
func (c *call) changeMedium(f *fields) ([]step, error) {
	m, i, err := c.media()
	if err != nil {
		return nil, err
	}
	one := m.Media[i]
	var names []string
	if v, given := f.from["Image"]; given && v == nil {
		f.seen = append(f.seen, "Image")
		one = Medium{ID: one.ID, Types: one.Types}
		names = append(names, "Image")
	} else if text, ok := image(f, "Image", false); ok {
		one.Image, one.Inserted, one.WriteProtect = text, true, true
		names = append(names, "Image")
	}
	if v, ok := f.flag("Inserted"); ok {
		if v && one.Image == "" {
			f.bad("Inserted", "ValueNotInList", v)
		} else {
			one.Inserted = v
			names = append(names, "Inserted")
		}
	}
	if v, ok := f.flag("WriteProtected"); ok {
		one.WriteProtect = v
		names = append(names, "WriteProtected")
	}
	if text, ok := f.text("UserName", false); ok {
		one.User = text
		names = append(names, "UserName")
	}
	if text, ok := f.text("Password", false); ok {
		one.Password = text
		names = append(names, "Password")
	}
	if names == nil {
		return nil, nil
	}
	return []step{{names, func() error { return c.opts.Backend.SetMedium(c.ctx, c.user, m.ID, one) }}}, nil
}
